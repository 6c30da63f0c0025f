"""acra-tokens; tests/integration/test_tokens_tool.py has it on real stores."""

import io
import os

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from acra_twisted.crypto import acrablock
from acra_twisted.encryption import tokenrecords
from acra_twisted.encryption.tokenrecords import Record
from acra_twisted.encryption.tokens import KINDS, bucket_of, scope_of, token_key
from acra_twisted.errors import ConfigError
from acra_twisted.purposes import STORAGE_SYMMETRIC
from acra_twisted.tokens.memorystore import MemoryStore
from acra_twisted.tools import tokens
from tests.support.tokenstores import BUCKETS, everything
from tests.unit.tokens.test_boltstore import FILE
from tests.unit.tools.base import ToolCase

#: 2024-01-31 and a year later, UTC.
EARLY, LATE = 1_706_659_200, 1_738_281_600


class KeptStore(MemoryStore):
    """Outlasts the tool."""

    def close(self):
        return self.get(b"", [])


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Tokens(ToolCase):
    def setUp(self):
        super().setUp()
        self.kept = KeptStore()
        self.opened = []
        self.answer = "no\n"
        self.asked = []
        opening = tokens.open_source

        def opened(text, settings, reactor, tls, **options):
            self.opened.append((text, settings, tls, options))
            if text in ("sqlite:tokens", "redis"):
                return self.kept
            return opening(text, settings, reactor, tls, **options)

        self.patch(tokens, "open_source", opened)
        opening_stores = tokens.open_store
        self.patch(
            tokens,
            "open_store",
            lambda text, *given, **options: (
                opened if text in ("sqlite:tokens", "redis") else opening_stores
            )(text, *given, **options),
        )

    def main(self, arguments, environment, output):
        def run(ask):
            results = []
            Deferred.fromCoroutine(ask(None)).addBoth(results.append)
            if isinstance(results[0], Failure):
                results[0].raiseException()

        def ask(prompt):
            self.asked.append(prompt)
            return self.answer

        tokens.main(arguments, environment, output, run, ask)

    def on(self, command, *flags):
        return self.call(command, "--token_store=sqlite:tokens", *flags)

    def fill(self, *records):
        groups = [[(b"t.%d" % n, tokenrecords.write(record))] for n, record in enumerate(records)]
        self.successResultOf(self.kept.add(BUCKETS[0], groups))

    def entries(self):
        return self.successResultOf(Deferred.fromCoroutine(everything(self.kept)))

    def records(self):
        return [tokenrecords.read(entry.record) for entry in self.entries()]


class Status(Tokens):
    def test_lines_are_those_of_acra(self):
        self.fill(Record(bytes(600), EARLY, LATE), Record(bytes(100), LATE, LATE, True))
        self.assertEqual(
            self.on("status"),
            "TokenCount: 2\nStorageSize: 700 (0.68 KB)\n"
            "DisabledTokenCount: 1\nDisabledStorageSize: 100 (100 B)\n",
        )

    def test_limits(self):
        self.fill(Record(b"a", EARLY, EARLY), Record(b"b", LATE, LATE))
        for flag, count in (
            ("--created_after=2024-02-01", 1),
            ("--created_before=2024-02-01T00:00:00Z", 1),
            ("--accessed_after=2024", 2),
            ("--accessed_before=Jan 2023", 0),
            ("--accessed_before=", 2),
        ):
            self.assertIn(f"TokenCount: {count}\n", self.on("status", flag), flag)
        self.refused("2024-01-31", "status", "--token_store=sqlite:tokens", "--created_after=soon")

    def test_progress_is_shown_on_a_terminal(self):
        self.fill(Record(b"a", EARLY, EARLY))
        for errors, text in ((io.StringIO(), ""), (Terminal(), "\r1 records\n")):
            self.patch(tokens, "ERRORS", errors)
            self.on("status")
            self.assertEqual(errors.getvalue(), text)

    def test_help_without_a_command(self):
        self.assertIn("status", self.call())


class Changes(Tokens):
    def test_disabling_and_enabling(self):
        self.fill(Record(b"a", EARLY, EARLY), Record(b"b", LATE, LATE))
        self.assertEqual(self.on("disable", "--created_before=2024-06-01"), "Disabled: 1\n")
        self.assertEqual([record.disabled for record in self.records()], [True, False])
        self.assertEqual(self.on("enable"), "Enabled: 1\n")
        self.assertEqual([record.disabled for record in self.records()], [False, False])


class Removing(Tokens):
    def setUp(self):
        super().setUp()
        self.fill(Record(b"a", EARLY, EARLY), Record(b"b", LATE, LATE, True))

    def test_too_little_is_said(self):
        store = "--token_store=sqlite:tokens"
        self.refused("underspecified removal conditions", "remove", store)
        self.refused("give one of them", "remove", store, "--all", "--only_disabled")
        self.assertEqual(len(self.records()), 2)

    def test_only_disabled_ones(self):
        out = self.on("remove", "--only_disabled", "--yes")
        self.assertEqual(out, "TokenCount: 1\nDisabledTokenCount: 1\nRemoved: 1\n")
        self.assertEqual([record.data for record in self.records()], [b"a"])
        self.assertEqual(self.asked, [])

    def test_a_dry_run_removes_none_and_asks_nothing(self):
        out = self.on("remove", "--all", "--dry_run")
        self.assertEqual(out, "TokenCount: 2\nDisabledTokenCount: 1\n")
        self.assertEqual((len(self.records()), self.asked), (2, []))

    def test_it_asks_after_it_has_counted(self):
        self.refused("nothing was removed", "remove", "--token_store=sqlite:tokens", "--all")
        self.assertEqual(len(self.records()), 2)
        self.answer = "yes\n"
        self.assertIn("Removed: 2\n", self.on("remove", "--all"))
        self.assertEqual((len(self.records()), len(self.asked)), (0, 2))

    def test_nothing_to_remove_is_not_asked_about(self):
        out = self.on("remove", "--all", "--created_before=2001")
        self.assertEqual(out, "TokenCount: 0\nDisabledTokenCount: 0\n")
        self.assertEqual(self.asked, [])


class Collecting(Tokens):
    def setUp(self):
        super().setUp()
        self.make_keys("--client_id=client", "--generate_symmetric_storage_key")
        [key] = self.store.keys(STORAGE_SYMMETRIC, "client")
        scope = scope_of("client")
        plain = tokenrecords.pack(b"Anna", KINDS["str"])
        record = tokenrecords.seal(plain, key.value, b"client", os.urandom, EARLY)
        entry = (token_key("str", b"czpL", scope), record)
        self.successResultOf(self.kept.add(bucket_of(scope), [[entry]]))
        self.flags = (f"--keys_dir={self.folder}", "--client_id=client", "--token_type=str")

    def test_tokens_that_no_value_leads_to_are_removed(self):
        self.assertEqual(self.on("gc", *self.flags, "--dry_run"), "TokenCount: 1\n")
        self.refused("nothing was removed", "gc", "--token_store=sqlite:tokens", *self.flags)
        self.assertEqual(len(self.records()), 1)
        self.assertEqual(self.on("gc", *self.flags, "--yes"), "TokenCount: 1\nRemoved: 1\n")
        self.assertEqual(self.records(), [])

    def test_young_ones_stay(self):
        self.patch(tokens.time, "time", lambda: EARLY + 24 * 3600)
        self.assertEqual(self.on("gc", *self.flags, "--yes"), "TokenCount: 0\n")

    def test_client_and_type_must_be_said(self):
        self.refused("client_id", "gc", "--token_store=sqlite:tokens", "--token_type=str")
        self.refused("token_type", "gc", "--token_store=sqlite:tokens", "--client_id=client")


class Sealing(Tokens):
    def setUp(self):
        super().setUp()
        self.make_keys("--client_id=client", "--generate_symmetric_storage_key")
        for number in range(2):
            self.add(b"t.%d" % number)
        self.flags = (f"--keys_dir={self.folder}",)
        self.waited = []
        self.patch(tokens, "deferLater", lambda _, seconds: succeed(self.waited.append(seconds)))

    def add(self, name, owner="client", key=None):
        [secret] = self.store.keys(STORAGE_SYMMETRIC, "client")
        key = key or secret.value
        record = tokenrecords.seal(b"plain", key, owner.encode(), os.urandom, EARLY)
        self.successResultOf(self.kept.add(bucket_of(scope_of(owner)), [[(name, record)]]))

    def rotate(self):
        self.make_keys("--client_id=client", "--generate_symmetric_storage_key")

    def test_records_get_the_current_key(self):
        out = self.on("rewrap", *self.flags)
        self.assertEqual(out, "TokenCount: 2\nRewrapped: 0\n")
        self.rotate()
        self.assertEqual(
            self.on("rewrap", *self.flags, "--dry_run"), "TokenCount: 2\nToRewrap: 2\n"
        )
        self.assertEqual(self.on("rewrap", *self.flags), "TokenCount: 2\nRewrapped: 2\n")
        newest, _ = self.store.keys(STORAGE_SYMMETRIC, "client")
        opener = tokenrecords.Unsealer([newest.value], b"client")
        self.assertEqual([opener.unseal(record) for record in self.records()], [b"plain"] * 2)

    def test_what_does_not_open_is_an_error(self):
        self.add(b"t.9", key=b"lost".ljust(32))
        self.add(b"t.9", owner="other")
        self.rotate()
        missing = acrablock.key_id(b"lost".ljust(32), b"client").hex()
        for expected in (
            "records that stay as they are, because no key opens them: 2",
            f"records of client, sealed with a key that is not in the key store (id {missing}): 1",
            "records of clients without a storage key in the key store: 1",
        ):
            self.refused(expected, "rewrap", "--token_store=sqlite:tokens", *self.flags)
        self.successResultOf(self.kept.remove(self.entries()[2:3]))
        out = self.on("rewrap", f"--keys_dir={self.folder}", "--client_id=client", "--dry_run")
        self.assertIn("ToRewrap: 0\nOfOtherClients: 1\n", out)

    def test_a_client_must_have_a_key(self):
        store = "--token_store=sqlite:tokens"
        self.refused("of other", "rewrap", store, *self.flags, "--client_id=other")
        empty = self.mktemp()
        os.mkdir(empty, 0o700)
        self.refused("of any client", "rewrap", store, f"--keys_dir={empty}")

    def test_progress_is_shown_on_a_terminal(self):
        self.rotate()
        errors = Terminal()
        self.patch(tokens, "ERRORS", errors)
        self.on("rewrap", *self.flags)
        self.assertEqual(
            errors.getvalue(),
            "\rpass 1: 2 records, 2 sealed anew\rpass 2: 2 records, 2 sealed anew\n",
        )

    def test_a_rate_is_kept(self):
        self.rotate()
        self.on("rewrap", *self.flags, "--rate=4")
        # A server may use the former key for the first second.
        self.assertEqual(self.waited, [1, 0.5])


class Moving(Tokens):
    def test_from_boltdb_to_a_store_to_a_file_and_back(self):
        bolt, export = self.mktemp(), self.mktemp()
        with open(bolt, "wb") as file:
            file.write(FILE)
        self.assertIn("TokenCount: 3\n", self.call("status", f"--token_db={bolt}"))
        out = self.on("import", f"boltdb:{bolt}")
        self.assertIn("Imported: 3\nAlreadyThere: 0\n", out)
        self.assertIn("names Acra has made", out)
        self.assertEqual(self.on("export", export), "Exported: 3\n")
        self.assertIn("TokenCount: 3\n", self.call("status", f"--token_store=export:{export}"))
        before = self.records()
        self.assertIn("Imported: 0\nAlreadyThere: 3\n", self.on("import", f"export:{export}"))
        self.assertEqual(self.records(), before)

    def test_names_that_the_other_store_does_not_expect_are_told(self):
        export = self.mktemp()
        group = [(b"k.name", tokenrecords.write(Record(b"a", EARLY, EARLY)))]
        self.successResultOf(self.kept.add(BUCKETS[0], [group]))
        self.on("export", export)
        self.assertNotIn("token_ids", self.on("import", f"export:{export}"))
        redis = ("--redis_host_port=redis.example:6380", "--redis_db_tokens=3")
        self.assertIn("token_ids = keyed", self.call("import", *redis, f"export:{export}"))

    def test_records_that_differ_are_told(self):
        export = self.mktemp()
        self.fill(Record(b"a", EARLY, EARLY))
        self.on("export", export)
        self.on("disable")
        self.refused(
            "1 records are there already with other contents",
            *("import", "--token_store=sqlite:tokens", f"export:{export}"),
        )
        self.assertTrue(self.records()[0].disabled)

    def test_a_source_is_not_written(self):
        bolt = self.mktemp()
        with open(bolt, "wb") as file:
            file.write(FILE)
        self.refused("read alone", "disable", f"--token_db={bolt}")
        self.refused("the store itself", "import", "--token_store=memory", "memory")

    def test_only_import_makes_a_store(self):
        path = self.mktemp()
        self.refused("No such file", "status", f"--token_store=sqlite:{path}")
        self.assertFalse(os.path.exists(path))
        self.on("status")
        self.on("import", "memory")
        self.assertEqual(
            [options["create"] for text, _, _, options in self.opened if text == "sqlite:tokens"],
            [False, True],
        )


class Stores(Tokens):
    def test_the_store_must_be_named_once(self):
        self.refused("--token_store", "status")
        self.refused("give one of them", "status", "--token_store=memory", "--token_db=x")

    def test_redis(self):
        password = self.mktemp()
        with open(password, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("secret\n")
        flags = ("--redis_host_port=redis.example:6380", "--redis_db_tokens=3")
        for more, expected in (
            (("--redis_password=secret", "--redis_username=acra"), "acra"),
            ((f"--redis_password_file={password}",), ""),
        ):
            self.call("status", *flags, *more)
            text, settings, tls, _ = self.opened[-1]
            self.assertEqual((text, tls), ("redis", None))
            self.assertEqual(settings["redis_db_tokens"], 3)
            self.assertEqual(settings["redis_password"], "secret")
            self.assertEqual(settings["redis_username"], expected)
        self.refused(
            "give one of them",
            *("status", *flags, "--redis_password=x", f"--redis_password_file={password}"),
        )

    def test_redis_with_tls_is_verified(self):
        flags = ("--redis_host_port=redis.example:6380", "--redis_db_tokens=3")
        self.call("status", *flags, "--redis_tls_enable")
        self.assertTrue(self.opened[-1][2]())
        missing = "--redis_tls_client_ca=none"
        self.call("status", *flags, "--redis_tls_enable", missing)
        self.assertRaises(ConfigError, self.opened[-1][2])

    def test_revocation_is_not_promised(self):
        self.refused(
            "not supported here",
            *("status", "--token_store=memory", "--redis_tls_ocsp_client_url=http://x"),
        )
