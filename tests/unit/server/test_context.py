"""The common context of the server's connections, as its settings have it."""

from pathlib import Path

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.optionkinds import Address
from acra_twisted.server.service import AcraServer
from tests.unit.server.test_service import close, settings


class Shared(SynchronousTestCase):
    def made(self, **changes):
        address = Address("127.0.0.1", 0)
        made = AcraServer(
            MemoryReactorClock(), settings(incoming_connection_string=address, **changes)
        )
        close(made)
        return made.context

    def test_passwords_without_tls_go_where_the_settings_let_them(self):
        for rule, host, expected in (
            ("allow", "db.example", True),
            ("loopback", "127.0.0.1", True),
            ("loopback", "db.example", False),
            ("refuse", "127.0.0.1", False),
        ):
            found = self.made(db_password_without_tls=rule, db_host=host, db_tls="disable")
            self.assertEqual(found.login_policy.password_without_tls, expected, (rule, host))

    def test_client_ids_come_from_certificates_only_where_they_are_to(self):
        kind = {"tls_identifier_extractor_type": "serial_number"}
        self.assertEqual(self.made(**kind).id_from_certificate, "")
        found = self.made(tls_client_id_from_cert=True, **kind)
        self.assertEqual(found.id_from_certificate, "serial_number")

    def test_no_tls_for_applications_without_a_certificate(self):
        found = self.made()
        self.assertIsNone(found.client_tls)
        self.assertEqual(found.login_policy.startup.tls, "disable")

    def test_users_without_a_secret_are_shown_what_the_master_key_gives(self):
        folder = Path(self.mktemp())
        folder.mkdir(0o700)
        master = folder / "master.key"
        master.touch(0o600)
        master.write_bytes(b"m" * 32)
        (folder / "keys").mkdir(0o700)
        scram = {"auth_mode": "scram", "auth_without_tls": True}
        store = {"keys_dir": str(folder / "keys"), "master_key_file": str(master)}

        def key(**changes):
            return self.made(**scram, **changes).login_policy.challenge.mock_key

        self.assertEqual(key(**store), key(**store))
        self.assertNotEqual(key(), key())
        self.assertEqual({len(key()), len(key(**store))}, {32})

    def test_it_has_no_room_for_what_it_does_not_declare(self):
        with self.assertRaises(AttributeError):
            self.made().client_identifier = "mistyped"
