"""A daemon without a database, on the common base: sockets, telemetry, keys, reload, drain."""

import os
import socket
from pathlib import Path
from types import SimpleNamespace

from prometheus_client import generate_latest
from twisted.internet.defer import fail
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.daemon.service import MAIN
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IReloadable
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.purposes import STORAGE_SYMMETRIC
from acra_twisted.sandbox.keys import Keys
from acra_twisted.themis import cell
from tests.support.toydaemon import SECTIONS, Sealer

NOWHERE = Address("127.0.0.1", 0)


class Adopting(MemoryReactorClock):
    """A reactor that takes sockets over, and stops at once."""

    def adoptStreamPort(self, descriptor, family, factory):
        self.adopted = getattr(self, "adopted", 0) + 1
        return self

    def stopListening(self):
        self.adopted -= 1


class Daemon(SynchronousTestCase):
    def setUp(self):
        self.said = []
        globalLogPublisher.addObserver(self.said.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.said.append)
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.keys = Keys(folder, "a client")

    def settings(self, **changes):
        return defaults(SECTIONS).but(
            **{
                MAIN: NOWHERE,
                "client_id": "a client",
                "max_connections": 2,
                **self.keys.ini(),
                **changes,
            }
        )

    def make(self, exit_with=lambda status: None, **changes):
        self.reactor = Adopting()
        made = Sealer(self.reactor, self.settings(**changes), exit_with)
        self.addCleanup(self.close, made)
        return made

    def close(self, made):
        for listener in (*made.listeners.values(), *made.telemetry):
            listener._listener.close()

    def accept(self, made):
        connection = made.listeners[MAIN]._factory.buildProtocol(None)
        connection.makeConnection(StringTransport())
        return connection

    def lose(self, connection):
        connection.connectionLost(Failure(ConnectionDone()))

    def codes(self):
        return [event.get("code") for event in self.said]

    def test_its_work_is_done_with_a_key_of_the_store(self):
        made = self.make()
        made.startService()
        connection = self.accept(made)
        connection.dataReceived(b"to be sealed")
        key = made.keys.keys(STORAGE_SYMMETRIC, "a client")[0]
        sealed = connection.transport.value()
        self.assertEqual(cell.open_wiped(key.value, sealed, b""), b"to be sealed")
        self.lose(connection)
        self.assertEqual(len(made.connections), 0)
        made.stopService()

    def test_a_start_without_what_a_strict_setting_needs_ends_it(self):
        statuses, stopped = [], []
        made = self.make(exit_with=statuses.append)
        self.reactor.stop = lambda: stopped.append(True)
        made.revocation.start = lambda: fail(ConfigError("tls_crl_url: it cannot be had"))
        made.startService()
        self.reactor.advance(0)
        self.assertEqual((statuses, stopped), ([1], [True]))
        self.assertIn(events.REVOCATION_SOURCE, self.codes())
        (said,) = [each for each in self.said if each.get("code") == events.REVOCATION_SOURCE]
        self.assertEqual(said["event_text"], "tls_crl_url: it cannot be had")
        # Nobody is waited for.
        self.assertEqual(made.patience, 0.0)
        made.stopService()

    def test_its_sockets_are_there_before_it_starts(self):
        made = self.make()
        there = ("127.0.0.1", made.listeners[MAIN].port_number)
        socket.create_connection(there).close()
        with self.assertRaisesRegex(ConfigError, f"{MAIN}: cannot listen"):
            Sealer(Adopting(), self.settings(**{MAIN: Address(*there)}))

    def test_what_it_does_is_in_the_log_and_in_metrics_and_spans(self):
        made = self.make(incoming_connection_zpages_string=NOWHERE)
        self.assertEqual(made.telemetry.unready, "starting")
        made.startService()
        self.assertEqual(made.telemetry.unready, "")
        [begins] = [e for e in self.said if e.get("code") == events.START_LISTENING]
        self.assertEqual(begins["client_id"], "a client")
        connection = self.accept(made)
        self.assertEqual([span.name for span in made.running_spans()], ["seal"])
        self.lose(connection)
        self.assertEqual([summary.name for summary in made.telemetry.store.summary()], ["seal"])
        self.assertIsNone(made.telemetry.figures)
        metrics = generate_latest(made.metrics.registry).decode()
        self.assertIn('acrasealer_connections_total{connection_type="db"} 1.0', metrics)
        self.assertIn('acra_pool_limit{pool="connections"} 2.0', metrics)
        self.assertIn("acra_keystore_cache_entries", metrics)
        self.assertNotIn("acra_sessions", metrics)
        made.stopService()

    def test_its_connections_are_limited(self):
        made = self.make()
        several = [self.accept(made) for _ in range(3)]
        self.assertEqual([c.transport.disconnected for c in several], [False, False, True])

    def test_it_reads_anew(self):
        made = self.make()
        first = made.keys.keys(STORAGE_SYMMETRIC, "a client")
        self.assertIs(made.keys.keys(STORAGE_SYMMETRIC, "a client"), first)
        made.reload()
        self.assertIsNot(made.keys.keys(STORAGE_SYMMETRIC, "a client"), first)
        self.assertEqual(self.codes().count(events.READ_KEYS), 1)

    def test_its_own_parts_are_read_anew_as_well(self):
        @implementer(IReloadable)
        class Part:
            name = "part"
            read = 0

            def reload(self):
                self.read += 1

        class Reading(Sealer):
            parts = (Part(), object())

            def reloadable(self):
                return self.parts

        made = Reading(Adopting(), self.settings())
        self.addCleanup(self.close, made)
        made.reload()
        self.assertEqual(made.parts[0].read, 1)

    def test_it_ends_without_cutting_anybody_off_before_the_time(self):
        made = self.make(incoming_connection_close_timeout=5.0)
        made.startService()
        first, second = self.accept(made), self.accept(made)
        done = made.stopService()
        self.assertEqual((self.reactor.adopted, made.telemetry.unready), (0, "stopping"))
        self.lose(first)
        self.reactor.advance(4)
        self.assertFalse(second.transport.disconnecting)
        self.assertNoResult(done)
        self.reactor.advance(1)
        self.assertTrue(second.transport.disconnecting)
        self.lose(second)
        self.successResultOf(done)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertIn(events.STOP_LISTENING, self.codes())

    def test_in_a_hurry_nobody_is_waited_for(self):
        made = self.make(incoming_connection_close_timeout=5.0)
        made.startService()
        connection = self.accept(made)
        done = made.stopService()
        made.hurry()
        self.assertTrue(connection.transport.disconnecting)
        self.lose(connection)
        self.successResultOf(done)

    def test_parts_of_its_own_end_after_connections_and_before_keys(self):
        order = []

        class Parted(Sealer):
            async def release(self):
                order.append(("released", len(self.connections)))

        made = Parted(Adopting(), self.settings(incoming_connection_close_timeout=0.0))
        made.startService()
        self.addCleanup(made.keys.close)
        made.keys = SimpleNamespace(close=lambda: order.append("keys"))
        self.successResultOf(made.stopService())
        self.assertEqual(order, [("released", 0), "keys"])

    def test_what_weakens_protection_is_warned_of_and_counted(self):
        class Weak(Sealer):
            def insecure(self):
                return ["it is weak"]

        made = Weak(Adopting(), self.settings())
        made.startService()
        [event] = [e for e in self.said if e.get("code") == events.INSECURE_SETTING]
        self.assertEqual(event["event_text"], "it is weak")
        metrics = generate_latest(made.metrics.registry).decode()
        self.assertIn(f'acra_events_total{{code="{events.INSECURE_SETTING}"}} 1.0', metrics)
        self.successResultOf(made.stopService())

    def test_a_daemon_without_use_for_keys_leaves_no_master_key_behind(self):
        class Keyless(Sealer):
            def __init__(self, reactor, settings):
                super(Sealer, self).__init__(
                    reactor, settings, made_metrics("acrakeyless"), needs_keys=False
                )

        made_metrics = type(self.make().metrics)
        self.patch(os, "environ", {**os.environ, "ACRA_MASTER_KEY": "s3cret"})
        made = Keyless(Adopting(), self.settings())
        for bound in made._bound.values():
            bound.close()
        self.assertIsNone(made.keys)
        self.assertNotIn("ACRA_MASTER_KEY", os.environ)
