"""Poison records: found in every form, reactions before the verdict (EN-10)."""

import os
import signal
import stat

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted import events
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.crypto import cells
from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IMessageStage, IResultStage, IRowTransform
from acra_twisted.keystore.cache import KeyCache
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.options import defaults
from acra_twisted.pipeline.services import Services
from acra_twisted.purposes import POISON_SYMMETRIC
from acra_twisted.results import STREAM, TUPLES, UNKNOWN_FORMAT
from acra_twisted.stages.decryptor import Decryptor
from acra_twisted.stages.poison import Poison, PoisonFactory, Script
from acra_twisted.verdicts import PASS, Hangup
from acra_twisted.wire.postgres.nested import SIGNATURE
from tests.support.containers import (
    INT4,
    TEXT,
    Workbench,
    Workers,
    batch,
    columns,
    copy_batch,
    hexed,
)
from tests.support.laterstore import LaterStore
from tests.support.sessions import make_session


class Detecting(SynchronousTestCase):
    def setUp(self):
        self.bench = Workbench()
        self.workers = Workers()
        self.exchange = self.bench.exchange
        self.done = []

    def stage(self, **options):
        return Poison(self.bench.keys, self.workers, **options)

    def judge(self, rows, exchange=None, **options):
        stage = self.stage(**options)
        verifyObject(IResultStage, stage)
        plan = stage.plan_result(rows.columns)
        verifyObject(IRowTransform, plan)
        return plan.transform(rows, exchange or self.exchange)

    @property
    def events(self):
        return self.bench.session.observer.events

    def test_en10_every_form(self):
        struct, block = self.bench.records()
        inside_json = b'{"a": "\\\\x%s"}' % struct.hex().encode()
        escaped = cells._escape(struct)
        for rows in (
            batch([b"x", hexed(struct)], [hexed(block), b"y"]),
            batch([struct], [b"-" + block], formats=[1]),
            batch([inside_json], [b'{"\\\\x%s"}' % block.hex().encode()]),
            batch([escaped], [cells._escape(block)]),
            batch([escaped.replace(b"\\", b"\\\\")], [hexed(self.bench.struct() + block)]),
            copy_batch(b"1\t\\" + hexed(struct) + b"\n", b"2\t" + hexed(block) + b"\n"),
        ):
            exchange = Exchange(self.bench.session, "query", None, 1)
            self.events.clear()
            self.assertIs(self.judge(rows, exchange), PASS)
            self.assertEqual(self.events, [(events.POISON_RECORD, "Recognized poison record")])
            self.assertEqual(exchange.attributes["acra.poison_records"], 2)

    def test_en10_at_every_level_of_quotes(self):
        """Arrays of composites, JSON in JSON: the escape format's backslashes are doubled."""
        for record in self.bench.records():
            text = cells._escape(record)
            for _ in range(4):
                text = b'{"(' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b')"}'
                self.noticed(lambda t=text: self.judge(batch([t], types=[TEXT])))
                self.noticed(lambda t=text: self.judge(copy_batch(b"1\t" + t + b"\n")))

    def test_en10_where_nothing_is_opened(self):
        for record in self.bench.records():
            field = b"\0\1" + len(record).to_bytes(4, "big") + record
            for rows in (
                copy_batch(b"w" + bytes(24) + record, layout=STREAM),
                copy_batch(b'1,"' + cells._escape(record).replace(b'"', b'""') + b'"\n'),
                copy_batch(field, layout=STREAM),
                copy_batch(SIGNATURE + bytes(8), field, layout=TUPLES),
                copy_batch(SIGNATURE + bytes(8) + field[:6] + b"\0" + record, layout=TUPLES),
                batch([b"\0" + record], types=[0], formats=[UNKNOWN_FORMAT]),
                batch([record], types=[1562], formats=[1]),
            ):
                self.noticed(lambda rows=rows: self.judge(rows))

    def test_en10_many_look_alikes_do_not_hide_it(self):
        """Heads that claim all that follows, in another column or in front of it."""
        record = self.bench.records()[0]
        own = self.bench.struct(wrapped=False)
        heads = 9 * (own[:137] + (60 + 4000).to_bytes(8, "little") + bytes(60))
        value = heads + record + bytes(8000)
        tuple_ = b"\0\2" + b"".join(len(v).to_bytes(4, "big") + v for v in (heads, record))
        for rows in (
            batch([hexed(value)]),
            batch([value], formats=[1]),
            batch([cells._escape(value)]),
            copy_batch(SIGNATURE + bytes(8) + tuple_, layout=TUPLES),
            copy_batch(SIGNATURE + bytes(8) + tuple_ + bytes(9000), layout=STREAM),
        ):
            self.noticed(lambda rows=rows: self.turned(self.judge(rows)))

    def test_en10_messages_that_are_no_rows(self):
        for record in self.bench.records():
            for text in (
                b'SERROR\0MX: "' + hexed(record) + b'"\0\0',
                b"\0\0\0\1channel\0" + cells._escape(record) + b"\0",
                b"\0\0\0\1" + record,
            ):
                message_ = copy_batch(text, layout=STREAM)
                stage = self.stage(stop_session=True)
                verifyObject(IMessageStage, stage)
                verdict = self.noticed(lambda m=message_, s=stage: s.on_message(m, self.exchange))
                self.assertIsInstance(verdict, Hangup)
        message_ = copy_batch(b"nothing", layout=STREAM)
        self.assertIs(self.stage().on_message(message_, self.exchange), PASS)

    def turned(self, verdict):
        self.workers.turn()
        return verdict

    def noticed(self, judge):
        """Exactly one event of one record."""
        self.events.clear()
        self.exchange.attributes = None
        verdict = judge()
        self.assertEqual(self.events, [(events.POISON_RECORD, "Recognized poison record")])
        return verdict

    def test_a_client_without_keys_is_an_intruder_all_the_same(self):
        session = make_session()
        session.identity.client_id = "another client"
        exchange = Exchange(session, "query", None, 1)
        self.judge(batch([hexed(self.bench.records()[0])]), exchange)
        self.assertEqual(session.observer.events[0][0], events.POISON_RECORD)

    def test_ordinary_containers_are_none(self):
        rows = batch([hexed(self.bench.struct())], [hexed(self.bench.block())])
        self.assertIs(self.judge(rows), PASS)
        self.assertIs(self.judge(batch([b"text"])), PASS)
        self.assertIs(self.stage().plan_result(columns(INT4)), None)
        self.assertEqual(self.events, [])

    def told(self, rows, **exchange):
        """Return the fields of the event, and what the span has of the first record."""
        fields = []
        self.patch(
            self.bench.session.observer,
            "security_event",
            lambda code, text, session, exchange, **known: fields.append(known),
        )
        self.judge(rows)
        known = self.exchange.attributes
        return fields[0], {
            name: known[f"acra.poison_{name}"]
            for name in ("row", "column")
            if f"acra.poison_{name}" in known
        }

    def test_the_row_and_the_column_of_the_first_one(self):
        record = hexed(self.bench.records()[0])
        rows = batch(
            [b"1", b"x"], [b"2", hexed(self.bench.struct())], [b"3", record], [record, b""]
        )
        rows.columns.names = (b"id", b"number\xff")
        rows.before = 1205
        fields, known = self.told(rows)
        self.assertEqual(fields["records"], 2)
        self.assertEqual((fields["row"], fields["column"]), (1208, "number\ufffd"))
        self.assertEqual(known, {"row": 1208, "column": "number\ufffd"})
        self.judge(rows)
        self.assertEqual(self.exchange.attributes["acra.poison_row"], 1208)

    def test_a_row_that_nobody_counts_and_a_column_without_a_name(self):
        for rows in (
            batch([hexed(self.bench.records()[0])]),
            copy_batch(b"1\t\\" + hexed(self.bench.records()[0]) + b"\n"),
        ):
            self.exchange.attributes = None
            fields, known = self.told(rows)
            self.assertNotIn("row", fields)
            self.assertNotIn("column", fields)
            self.assertEqual(known, {})

    def test_a_long_name_of_a_column_is_cut(self):
        rows = batch([hexed(self.bench.records()[0])])
        rows.columns.names = (b"n" * 5000,)
        self.assertEqual(self.told(rows)[1], {"column": "n" * 128})

    def test_a_damaged_record_is_still_one(self):
        struct, _ = self.bench.records()
        self.judge(batch([hexed(struct[:-1] + bytes([struct[-1] ^ 1]))]))
        self.assertEqual(len(self.events), 1)

    def test_a_look_alike_around_it_does_not_hide_it(self):
        struct = self.bench.records()[0][12:]
        own = self.bench.struct(wrapped=False)
        cover = own[:137] + (60 + len(struct)).to_bytes(8, "little") + bytes(60) + struct
        self.judge(batch([hexed(cover)]))
        self.assertEqual(len(self.events), 1)

    def test_reactions_in_order_and_before_the_verdict(self):
        rows = batch([hexed(self.bench.records()[1])])
        verdict = self.judge(rows, stop_session=True, run_script=lambda: self.done.append("script"))
        self.assertIsInstance(verdict, Hangup)
        verdict = self.judge(
            rows,
            run_script=lambda: self.done.append("script"),
            shut_down=lambda: self.done.append("exit"),
        )
        self.assertIsInstance(verdict, Hangup)
        self.assertEqual(self.done, ["script", "script", "exit"])
        self.assertEqual(self.events[-1][1], "detected poison record, exit")

    def test_a_script_that_cannot_be_started_ends_the_session(self):
        def broken():
            raise FileNotFoundError

        verdict = self.judge(batch([hexed(self.bench.records()[1])]), run_script=broken)
        self.assertIsInstance(verdict, Hangup)
        self.assertEqual(self.events[-1][0], events.POISON_REACTION)

    def test_the_verdict_waits_for_the_worker(self):
        rows = [[hexed(self.bench.struct())] for _ in range(10)]
        rows.append([hexed(self.bench.records()[0])])
        verdict = self.judge(batch(*rows), stop_session=True)
        self.assertIsInstance(verdict, Deferred)
        self.assertNoResult(verdict)
        self.workers.turn()
        self.assertIsInstance(self.successResultOf(verdict), Hangup)

    def test_the_decryptor_goes_on_with_what_was_found(self):
        rows = batch([hexed(self.bench.struct(b"one"))], [hexed(self.bench.records()[0])])
        self.assertIs(self.judge(rows), PASS)
        found = rows.findings
        self.assertEqual(len(found.points), 2)
        plan = Decryptor(self.bench.keys, self.workers).plan_result(rows.columns)
        self.assertEqual(plan.transform(rows, self.exchange).item.cells(0), [hexed(b"one")])
        self.assertIs(rows.findings, found)


class Making(SynchronousTestCase):
    def make(self, keys, **changes):
        settings = defaults(SERVER_SECTIONS).but(**changes)
        services = Services(Clock(), None, keys, Workers(), lambda: None, settings)
        return PoisonFactory().make(None, services)

    def refused(self, expected, keys, **changes):
        error = self.assertRaises(ConfigError, self.make, keys, **changes)
        self.assertIn(expected, str(error))

    def test_settings(self):
        keys = Workbench().keys
        script = os.path.abspath(self.mktemp())
        self.refused("there is no file /", keys, poison_run_script_file=script)
        with open(script, "w") as file:
            file.write("#!/bin/sh\n")
        self.refused("chmod u+x", keys, poison_run_script_file=script)
        os.chmod(script, stat.S_IRWXU)
        stage = self.make(keys, poison_run_script_file=script, poison_shutdown_enable=True)
        self.assertIsNotNone(stage._run_script)
        self.assertIsNotNone(stage._shut_down)
        stage.stop()
        self.refused("acra-keymaker", MemoryKeyStore())
        self.refused("needs a key store", None)

        class Broken(MemoryKeyStore):
            def keys(self, *args):
                raise KeyStoreError("mode 0644")

        self.refused("mode 0644", Broken())


class Later(SynchronousTestCase):
    """The key store answers when the daemon runs."""

    def make(self, inside):
        self.ended = []
        self.said = []
        globalLogPublisher.addObserver(self.said.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.said.append)
        store = LaterStore(inside)
        keys = KeyCache(store, 10, lambda: 0.0)
        end = self.ended.append
        services = Services(
            Clock(), None, keys, Workers(), lambda: end(1), defaults(SERVER_SECTIONS)
        )
        PoisonFactory().make(None, services)
        self.assertEqual(self.ended, [])
        store.answer()

    def test_either_kind_of_key_will_do(self):
        self.make(Workbench().keys)
        only = MemoryKeyStore()
        only.put(POISON_SYMMETRIC, bytes(32))
        self.make(only)
        self.assertEqual((self.ended, self.said), ([], []))

    def test_without_one_the_program_ends(self):
        self.make(MemoryKeyStore())
        self.assertEqual(len(self.ended), 1)
        [event] = self.said
        self.assertEqual(event["code"], events.KEY_STORE)
        self.assertIn("acra-keymaker", event["event_text"])


class Process:
    def __init__(self):
        self.signals = []

    def signalProcess(self, name):
        if self.signals:
            raise ProcessExitedAlready
        self.signals.append(name)


class Scripts(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.spawned = []
        self.process = Process()

        def spawn(protocol, path, arguments, env, path_):
            self.spawned.append((path, arguments, env))
            return self.process

        self.clock.spawnProcess = lambda p, e, a, env, path: spawn(p, e, a, env, path)
        self.script = Script(self.clock, "/bin/react", 5)

    def test_ke6_nothing_of_ours_goes_with_it(self):
        self.script.start()
        ((path, arguments, environment),) = self.spawned
        self.assertEqual(
            (path, arguments, list(environment)), ("/bin/react", ["/bin/react"], ["PATH"])
        )

    def test_one_at_a_time(self):
        self.script.start()
        self.script.start()
        self.script.processEnded(None)
        self.script.start()
        self.assertEqual(len(self.spawned), 2)

    def test_killed_when_it_takes_too_long(self):
        self.script.start()
        self.clock.advance(5)
        self.assertEqual(self.process.signals, ["KILL"])
        self.assertTrue(hasattr(signal, "SIGKILL"))
        self.script.processEnded(None)
        self.script.start()
        self.clock.advance(5)
        self.assertEqual(self.clock.getDelayedCalls(), [])
