"""The connector's connections share a record: who may connect, and what is told once."""

import os
import socket
from types import SimpleNamespace

from prometheus_client import generate_latest
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.loginactions import ENCRYPTED, OTHER
from tests.unit.connector.test_connection import Connected


class Users(Connected, SynchronousTestCase):
    def admits(self, *users):
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        self.connector.context.users = frozenset(users)
        transport = SimpleNamespace(getHandle=lambda: here)
        return self.connector.context.admits(SimpleNamespace(transport=transport))

    def test_whose_process_it_is_decides(self):
        self.assertTrue(self.admits())
        self.assertTrue(self.admits(os.geteuid()))
        self.assertFalse(self.admits(os.geteuid() + 1))


class Unread(Connected, SynchronousTestCase):
    def test_each_kind_is_told_once_and_each_session_counted(self):
        told = []
        context = self.connector.context
        context.event = lambda code, text, **fields: told.append((code, fields["session_id"]))
        application = self.accept()
        for why in (ENCRYPTED, OTHER, ENCRYPTED):
            context.carries_unread(application, why)
        self.assertEqual(told, [(events.UNREAD_SESSION, application.number)] * 2)
        metrics = generate_latest(self.connector.metrics.registry).decode()
        self.assertIn(f'acra_unread_sessions_total{{reason="{ENCRYPTED}"}} 2.0', metrics)
