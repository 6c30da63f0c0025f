"""AcraServer before a server of MySQL's protocol that others have made, asked by real clients."""

import asyncio
import tempfile
import threading
from pathlib import Path

from mysql_mimic import IdentityProvider, NativePasswordAuthPlugin, Session, User
from mysql_mimic import MysqlServer as Mimic
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.processes import free_port
from tests.support.mysqlclients import CLIENTS, Login, Refused
from tests.support.mysqldaemon import MysqlServer

RULES = "version: 0.85.0\nhandlers:\n  - handler: deny\n    tables: [secrets]\n"
TEXT = "SELECT name FROM customers"


class Users(IdentityProvider):
    def get_plugins(self):
        return [NativePasswordAuthPlugin()]

    async def get_user(self, username):
        plugin = NativePasswordAuthPlugin
        return User(username, plugin.create_auth_string("pw"), plugin.name)


class Others(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.heard = heard = []

        class Answering(Session):
            async def query(self, expression, sql, attrs):
                heard.append((sql, dict(attrs)))
                return [("one",)], ["name"]

        port, loop, begun = free_port(), asyncio.new_event_loop(), threading.Event()
        mimic = Mimic(Answering, identity_provider=Users())

        async def serve():
            await mimic.start_server(host="127.0.0.1", port=port)
            begun.set()

        def run():
            loop.run_until_complete(serve())
            loop.run_forever()
            loop.run_until_complete(ended())
            loop.close()

        async def ended():
            mimic.close()
            await mimic.wait_closed()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        def stop():
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

        thread = threading.Thread(target=run)
        thread.start()
        cls.addClassCleanup(stop)
        begun.wait(10)
        rules = Path(tempfile.mkdtemp()) / "rules.yaml"
        rules.write_text(RULES)
        given = {"stages": ("censor",), "acracensor_config_file": str(rules)}
        server = MysqlServer(port, db_tls="disable", **given)
        server.__enter__()
        cls.addClassCleanup(server.stop)
        cls.port = server.port

    def ask(self, name, text=TEXT, **more):
        return CLIENTS[name](Login(self.port, text=text, **more))

    def test_each_client_is_answered_or_refused(self):
        for name in CLIENTS:
            self.heard.clear()
            self.assertEqual(self.ask(name), "one", name)
            self.assertIn((TEXT, {}), self.heard, name)
            self.assertRaises(Refused, self.ask, name, password="no")
            denied = self.assertRaises(Refused, self.ask, name, "SELECT a FROM secrets")
            self.assertIn("AcraCensor blocked this query", str(denied), name)
            self.assertNotIn("SELECT a FROM secrets", [text for text, _ in self.heard])

    def test_attributes_of_a_statement_are_passed_on(self):
        for name in ("connector, pure", "libmysqlclient", "mysql2"):
            self.heard.clear()
            self.assertEqual(self.ask(name, attributes={"shop": "north"}), "one", name)
            self.assertIn((TEXT, {"shop": "north"}), self.heard, name)
