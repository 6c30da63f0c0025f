"""The console of a server that another one is named to, both with connectors that show
certificates."""

import json

from tests.integration.base import Surroundings, eventually, get


class Servers(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.chain(link="tls")
        peers = {"console_peers": f"127.0.0.1:{cls.other.server_pages}"}
        cls.linked = cls.chain(link="tls", server={"console": peers})

    def told(self, view):
        return json.loads(get(self.linked.server_pages, f"/console/{view}?format=json"))

    def test_requests_and_sessions_of_both(self):
        with self.connect(self.linked) as here, self.connect(self.other) as there:
            for db, count in ((here, 3), (there, 5)):
                for _ in range(count):
                    db.execute("SELECT 1")
            at = f"127.0.0.1:{self.other.server_pages}"

            def connected():
                rows = self.told("sessions")["sessions"]
                return sorted((row["server"], row["state"]) for row in rows) == [
                    ("", "idle"),
                    (at, "idle"),
                ]

            # An answer of another server holds for two seconds.
            eventually(connected, "the sessions of both servers are there")

            def both():
                boxes = self.told("topology")["boxes"]
                calls = {box["name"]: box["calls"] for box in boxes if box["kind"] == 2}
                return calls.get("acra-server", 0) >= 3 and calls.get(at, 0) >= 5

            eventually(both, "the requests of both servers are there")

    def test_certificates_of_connectors_are_known(self):
        with self.connect(self.linked) as db:
            db.execute("SELECT 1")
        (shown,) = [one for one in self.told("health")["peers_certificates"] if one["is_client"]]
        self.assertEqual(shown["setting"], "tls_ca")
        self.assertIn("connector", shown["subject"])
