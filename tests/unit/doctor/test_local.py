"""The facts that can be known without asking anybody."""

import os
import resource
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.doctor import local
from acra_twisted.doctor.result import FAIL, OK, WARN
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings, defaults
from acra_twisted.server.tap import Options


class Here(SynchronousTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.settings = defaults(SERVER_SECTIONS)

    def files(self, **settings):
        return list(local.files(Options.program, self.settings.but(**settings)))

    def test_files_that_will_be_written(self):
        (self.folder / "log").touch()
        for path, state, word in (
            (self.folder / "log", OK, "can be written"),
            (self.folder / "new", OK, "can be made"),
            (self.folder, FAIL, "is a folder"),
            (self.folder / "no" / "log", FAIL, "there is no folder"),
        ):
            [found] = self.files(log_to_file=str(path))
            self.assertEqual(found.state, state)
            self.assertIn(word, found.text)
        self.assertEqual(os.listdir(self.folder), ["log"])
        self.assertEqual(self.files(), [])

    def test_a_disk_that_is_nearly_full(self):
        full = os.statvfs_result((4096, 4096, 9, 9, 9, 9, 9, 9, 0, 255))
        self.patch(local.os, "statvfs", lambda folder: full)
        [found] = self.files(log_to_file=str(self.folder / "log"))
        self.assertEqual(found.state, WARN)
        self.assertIn("0 MiB are free", found.text)

    def test_files_of_stages(self):
        stage = Settings({"filepath": str(self.folder / "no" / "captured")})
        settings = Settings(dict(self.settings), {"query_capture": stage})
        [found] = local.files(Options.program, settings)
        self.assertEqual(found.state, FAIL)
        self.assertIn("[stage:query_capture] filepath", found.text)

    def test_another_key_store_is_not_looked_into(self):
        """A folder of keys that happens to be there is not the daemon's."""
        log = self.folder / "log"
        log.write_text("nobody signed this\n")
        settings = self.settings.but(
            keystore="vault",
            keys_dir=str(self.folder),
            audit_log_enable=True,
            log_to_file=str(log),
        )
        [keys], [audit] = local.keys(settings, {}), local.audit(settings, {})
        self.assertEqual((keys.state, audit.state), (OK, WARN))
        for found in (keys, audit):
            self.assertIn("key store 'vault'", found.text)

    def test_ports(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            used = Address(*other.getsockname()[:2])
            settings = self.settings.but(
                incoming_connection_string=used, incoming_connection_zpages_string=used
            )
            [found] = local.ports(Options.program, settings)
        self.assertEqual(found.state, FAIL)
        self.assertIn(f"(process {os.getpid()}", found.text)
        [found] = local.ports(Options.program, settings)
        self.assertEqual(found.state, OK)

    def test_how_many_files_may_be_open(self):
        few = self.settings.but(max_connections=1)
        self.assertEqual([found.state for found in local.limits(few)], [OK])
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            [found] = local.limits(self.settings.but(max_connections=soft))
            self.assertEqual(found.state, WARN)
            self.assertIn("LimitNOFILE=", found.remedy)

    def test_the_clock(self):
        for found in local.clock():
            self.assertIn("UTC", found.text)
            self.assertIn(found.state, (OK, WARN))
