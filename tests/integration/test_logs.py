"""Log lines of a running daemon at every destination, rotated, signed and verified."""

from __future__ import annotations

import io
import json
import os
import re
import resource
import signal
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

import psycopg

from acra_twisted import purposes
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import free_port
from acra_twisted.telemetry.logs.chainreport import Tampered
from acra_twisted.telemetry.logs.security import SCHEMA
from acra_twisted.tools import keymaker, logverifier
from acra_twisted.tools.commandline import Environment
from tests.integration.base import Surroundings, eventually, get
from tests.unit.telemetry.logs.test_formats import parse_cef

RULES = "version: 0.85.0\nhandlers: [{handler: deny, tables: [forbidden]}]\n"


class Siem(Surroundings):
    """A denial, followed from every log to its trace; then the files are rotated."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = Keys(Path(tempfile.mkdtemp(dir=cls.folder)), "sandbox application")
        cls.keys.writer.generate(purposes.AUDIT_LOG, "")
        rules = cls.folder / "rules.yaml"
        rules.write_text(RULES)
        cls.syslog = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.addClassCleanup(cls.syslog.close)
        cls.syslog.bind(("127.0.0.1", 0))
        cls.syslog.settimeout(0.2)
        cls.sent = []
        cls.log, cls.security = cls.folder / "acra.cef", cls.folder / "security.jsonl"
        logging = {
            "logging_format": "cef",
            "log_to_file": str(cls.log),
            "log_to_syslog": f"udp://127.0.0.1:{cls.syslog.getsockname()[1]}",
            "audit_log_enable": "true",
            "security_log_file": str(cls.security),
        }
        cls.daemon = cls.chain(
            link="none",
            keys=cls.keys,
            server={
                "logging": logging,
                "pipeline": {"stages": "censor"},
                "censor": {"acracensor_config_file": str(rules)},
            },
        )

    def denied(self):
        with self.connect(self.daemon) as db, self.assertRaises(psycopg.Error):
            db.execute("SELECT 'secret' FROM forbidden -- a|b=c\\d")

    def messages(self, word):
        """All that syslog was sent so far, once a word is in it."""

        def there():
            with suppress(TimeoutError):
                while True:
                    self.sent.append(self.syslog.recv(9000).decode())
            return any(word in message for message in self.sent)

        eventually(there, "syslog is told")
        return self.sent

    def test_a_denial_everywhere_and_a_rotation(self):
        self.denied()
        blocked = eventually(
            lambda: [line for line in self.log.read_text().splitlines() if "|560|" in line],
            "the line is written",
        )
        found = parse_cef(blocked[0])
        self.assertEqual(found["deviceEventClassId"], "560")
        self.assertEqual((found["suser"], found["src"]), ("sandbox application", "127.0.0.1"))
        self.assertEqual((found["dst"], found["rt"].isdigit()), ("127.0.0.1", True))
        self.assertEqual((found["cs3"], found["cs4"]), ("censor", "deny.table"))
        trace_id = found["cs1"]
        # From the line to the trace, in the same words.
        page = f"/debug/trace/{trace_id}?format=json"
        spans = json.loads(get(self.daemon.server_pages, page))["spans"]
        (denied,) = [
            s
            for s in spans
            if s["attributes"].get("acra.verdict") == "deny" and "acra.denied_by" in s["attributes"]
        ]
        self.assertEqual(denied["span_id"], found["cs2"])
        # The stream of security events, and syslog.
        eventually(lambda: trace_id in self.security.read_text(), "the record is written")
        records = [json.loads(line) for line in self.security.read_text().splitlines()]
        self.assertEqual({tuple(record) for record in records}, {SCHEMA})
        (event,) = [record for record in records if record["code"] == 560]
        self.assertEqual((event["trace_id"], event["rule"]), (trace_id, "deny.table"))
        sent = self.messages(trace_id)
        for message in sent:
            self.assertRegex(message, r"^<1\d\d>1 \d{4}-.*Z \S+ acra-server \d+ \d+ - CEF:0\|")
        whole = self.log.read_text() + self.security.read_text() + "".join(sent)
        self.assertNotIn("secret", whole)
        self.rotated(trace_id)

    def rotated(self, trace_id):
        old = self.log.with_suffix(".1")
        os.rename(self.log, old)
        # A client more changes nothing; then the log's key is rotated, too.
        self.assertNotIn("Rotated", self.make_keys("--client_id=second client"))
        self.assertIn("Rotated audit log key", self.make_keys("--generate_log_key"))
        os.kill(self.daemon.server._child.pid, signal.SIGUSR1)
        eventually(self.log.exists, "the file is opened anew")
        ends = "End of current audit log chain"
        eventually(lambda: ends in old.read_text(), ends)
        self.denied()
        eventually(lambda: "|560|" in self.log.read_text(), "lines go to the new file")
        self.assertIn("the last chain has not ended", self.verified(old, self.log))
        self.assertEqual(self.daemon.stop(), (0,))
        whole = self.verified(old, self.log)
        self.assertIn("in 2 chains are as they were written", whole)
        self.assertRegex(whole, r"secure_log_key: 1 chains\nsecure_log_key.old/\S+: 1 chains\n")
        lines = old.read_text().splitlines(True)
        removed = [line for line in lines if trace_id not in line]
        self.assertLess(len(removed), len(lines))
        old.write_text("".join(removed))
        self.assertIn("lines before it are missing", self.verified(old, self.log))

    def make_keys(self, flag):
        output = io.StringIO()
        environment: Environment = {}
        keymaker.main(
            [
                f"--keys_output_dir={self.keys.path}",
                f"--master_key_file={self.keys.master_key_file}",
                flag,
            ],
            environment,
            output,
        )
        return output.getvalue()

    def verified(self, *files):
        output = io.StringIO()
        options = [f"--keys_dir={self.keys.path}", f"--master_key_file={self.keys.master_key_file}"]
        environment: Environment = {}
        try:
            logverifier.main([*options, *map(str, files)], environment, output)
        except Tampered as error:
            return output.getvalue() + str(error)
        return output.getvalue()


class FullDisk(Surroundings):
    """No file of the daemon may grow for a while; what was cut off spoils nothing (OB-7, OB-8)."""

    def run_full(self, signed):
        """A log, a security log and captured statements with a gap; their whole lines."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        self.keys = Keys(folder, "sandbox application")
        self.keys.writer.generate(purposes.AUDIT_LOG, "")
        self.log, security, captured = (folder / n for n in ("log", "security", "captured"))
        rules = folder / "rules.yaml"
        handlers = [
            {"handler": "query_capture", "filepath": str(captured)},
            {"handler": "deny", "tables": ["forbidden"]},
        ]
        rules.write_text(json.dumps({"version": "0.85.0", "handlers": handlers}))
        chain = self.chain(
            link="none",
            keys=self.keys,
            server={
                "logging": {
                    "logging_format": "json",
                    "log_to_file": str(self.log),
                    "security_log_file": str(security),
                    "audit_log_enable": "true" if signed else "false",
                },
                "pipeline": {"stages": "censor"},
                "censor": {"acracensor_config_file": str(rules)},
            },
        )
        pid = chain.server._child.pid

        def deny(*numbers):
            with self.connect(chain) as db:
                for number in numbers:
                    with self.assertRaises(psycopg.Error):
                        db.execute(f"SELECT c{number} FROM forbidden")

        deny(*range(5))
        written = self.log, security, captured
        eventually(lambda: all("c4 FROM" in one.read_text() for one in written), "all are written")
        # What has been written is at most a part of a line below the limit.
        limit = max(path.stat().st_size for path in (self.log, security)) + 700
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        deny(*range(5, 15))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        deny(*range(15, 20))
        lost = get(chain.server_pages, "/metrics")
        self.assertEqual(chain.stop(), (0,))
        self.assertRegex(lost, r"acra_log_lines_lost_total [1-9]")
        for path in (self.log, security):
            lines = path.read_text().splitlines()
            cut = [line for line in lines if not line.endswith("}")]
            self.assertLessEqual(len(cut), 1, path)
            queries = [json.loads(line).get("query", "") for line in lines if line not in cut]
            for number in (*range(5), *range(15, 20)):
                self.assertIn(f"SELECT c{number} FROM forbidden", queries, path)

    def test_logs(self):
        self.run_full(signed=False)

    def test_a_signed_log(self):
        self.run_full(signed=True)
        output = Siem.verified(self, self.log)
        self.assertIn("1 problems in", output)


class SyslogOverTcp(Surroundings):
    def test_lines_wait_for_a_receiver(self):
        port = free_port()
        chain = self.chain(
            link="none", server={"logging": {"log_to_syslog": f"tcp://127.0.0.1:{port}"}}
        )
        with self.connect(chain) as db:
            db.execute("SELECT 1")
        with socket.create_server(("127.0.0.1", port)) as server:
            server.settimeout(60)
            connection, _ = server.accept()
            with connection:
                connection.settimeout(60)
                data = b""
                while b"Session started" not in data:
                    more = connection.recv(4096)
                    self.assertTrue(more)
                    data += more
                size = int(re.match(rb"(\d+) <", data)[1])
                first = data[len(str(size)) + 1 :][:size]
                self.assertEqual(json.loads(first.split(b" - ", 1)[1])["product"], "acra-server")
                chain.stop()
