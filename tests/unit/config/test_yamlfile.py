"""Acra's configuration files."""

import os
import stat

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config import yamlfile
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import BOOLEAN, PORT, TEXT
from acra_twisted.options import Block, Option, Section, Settings, defaults

SECTIONS = (
    Section("a", "", (Option("db_host", TEXT, "", "The host."), Option("db_port", PORT, 1, ""))),
    Section("b", "", (Option("v", BOOLEAN, False, ""), Option("word", TEXT, "", "", secret=True))),
)
GOOD = "version: 0.91.0\n"


class Reading(SynchronousTestCase):
    def read(self, text):
        return {name: line.text for name, line in yamlfile.read_yaml("c.yaml", GOOD + text).items()}

    def refused(self, text, *expected):
        error = self.assertRaises(ConfigError, yamlfile.read_yaml, "c.yaml", text)
        for words in expected:
            self.assertIn(words, str(error))
        return str(error)

    def test_values(self):
        text = "db_host: db.example\ndb_port: 5432\nv: true\ns: 'a b'\nt: tcp://0.0.0.0:1/\n"
        self.assertEqual(
            self.read(text),
            {
                **{"db_host": "db.example", "db_port": "5432", "v": "true"},
                **{"s": "a b", "t": "tcp://0.0.0.0:1/"},
            },
        )

    def test_empty_values_count_as_not_there(self):
        self.assertEqual(self.read("a:\nb: ''\nc: ~\nd: null\ne: \"\"\nf: false\n"), {"f": "false"})

    def test_places(self):
        found = yamlfile.read_yaml("c.yaml", GOOD + "# comment\n\na: 1\n")
        self.assertEqual(found["a"].where, "c.yaml:4")

    def test_versions(self):
        for version in ("0.84.0", "0.85", "0.90.2", "'0.96.0'", "0.91.0"):
            text = version if "." in version[3:] else f"'{version}'"
            self.assertEqual(yamlfile.read_yaml("c.yaml", f"version: {text}\n"), {})
        self.refused("db_host: x\n", "config hasn't version key")
        self.refused("", "config hasn't version key")
        self.refused("version: 0.85\n", ":1: ", "value of version is not string")
        self.refused("version: 1\n", "value of version is not string")
        for version in ("0.83.9", "0.97.0", "1.0.0", "0.0.0", "x", "0.91.0.1"):
            self.refused(
                f"version: {version}\n",
                f'config version "{version}" is not supported, expects "0.84" to "0.96" version',
            )

    def test_mistakes_all_at_once(self):
        text = "version: 9.9.9\na: [1]\nb: 1\nb: 2\n[1]: 2\n"
        lines = self.refused(text).splitlines()
        places = [line.partition(": ")[0] for line in lines]
        self.assertEqual(places, ["c.yaml:1", "c.yaml:2", "c.yaml:4", "c.yaml:5"])

    def test_what_is_no_flat_map(self):
        self.refused("- a\n- b\n", "name: value")
        self.refused("just words", "name: value")
        self.refused("a: 'b\n", "this is no YAML")
        self.refused("a: \x01\n", "this is no YAML")
        self.refused("a: *b\n", "this is no YAML")
        self.refused("[" * 100_000, "this is no YAML")
        self.refused("a: b\n" * 60_000, "more than")

    @given(st.text() | st.lists(st.sampled_from("a:\n- [{'\"&*!|>#%@?, 1")).map("".join))
    def test_any_text_is_read_or_refused(self, text):
        for before in ("", GOOD):
            try:
                found = yamlfile.read_yaml("c.yaml", before + text)
            except ConfigError:
                continue
            self.assertTrue(all(line.text.strip() for line in found.values()))


class Files(SynchronousTestCase):
    def test_keys_by_who_knows_them(self):
        text = f"{GOOD}db_host: x\nmysql_enable: false\ndb_hots: y\ndump_config: false\n"
        found = yamlfile.YamlFile("c.yaml", text).read(SECTIONS, ("mysql_enable",))
        self.assertEqual(list(found.ours), ["db_host"])
        self.assertEqual(list(found.acra), ["mysql_enable"])
        (error,) = found.wrong
        self.assertEqual(str(error), "c.yaml:4: unknown key 'db_hots'; did you mean 'db_host'?")

    def test_actions_belong_on_the_command_line(self):
        found = yamlfile.YamlFile("c.yaml", f"{GOOD}dump_config: true\n").read(SECTIONS)
        self.assertIn("command line", str(found.wrong[0]))

    def test_it_has_neither_stages_nor_blocks(self):
        file = yamlfile.YamlFile("c.yaml", GOOD)
        self.assertEqual(file.read_stages((), dict), ({}, [], {}))
        self.assertEqual(file.blocks(), ())


class Writing(SynchronousTestCase):
    def test_what_is_written_reads_the_same(self):
        values = {"db_host": "a: #b\u00fc\U0001f600", "db_port": 5432, "v": True, "word": "secret"}
        text = yamlfile.settings_as_yaml(SECTIONS, Settings(values))
        self.assertNotIn("secret", text)
        read = yamlfile.read_yaml("c.yaml", text)
        self.assertEqual(
            {name: line.text for name, line in read.items()},
            {"db_host": "a: #b\u00fc\U0001f600", "db_port": "5432", "v": "true"},
        )
        self.assertEqual(list(read), sorted(read))

    @given(st.text() | st.lists(st.sampled_from("a0:-_./=@+ #")).map("".join))
    def test_any_value_reads_the_same(self, value):
        text = yamlfile.render_yaml([("name", "Help.", value)])
        found = yamlfile.read_yaml("c.yaml", text)
        self.assertEqual(
            found["name"].text if "name" in found else "", value if value.strip() else ""
        )

    def test_every_default_of_both_daemons_reads_back(self):
        for sections in (SERVER_SECTIONS, CONNECTOR_SECTIONS):
            text = yamlfile.settings_as_yaml(sections, defaults(sections))
            found = yamlfile.YamlFile("c.yaml", text).read(sections)
            self.assertEqual(found.wrong, [])
            for section in sections:
                for option in section.options:
                    if option.name in found.ours:
                        value = option.kind.parse(found.ours[option.name].text)
                        self.assertEqual(value, option.default)

    def test_rules_in_sections_have_no_place(self):
        settings = Settings(defaults(SECTIONS), blocks=(Block("censor:a", "", {}, {}),))
        error = self.assertRaises(ConfigError, yamlfile.settings_as_yaml, SECTIONS, settings)
        self.assertIn("[censor:a]", str(error))

    def test_files(self):
        path = os.path.join(self.mktemp(), "configs", "x.yaml")
        yamlfile.write_file(path, "one")
        yamlfile.write_file(path, "two")
        with open(path) as file:
            self.assertEqual(file.read(), "two")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(os.listdir(os.path.dirname(path)), ["x.yaml"])
        error = self.assertRaises(ConfigError, yamlfile.write_file, "/proc/nowhere/x", "")
        self.assertIn("cannot write /proc/nowhere/x", str(error))


class AcrasDefaults(SynchronousTestCase):
    def test_acras_own_defaults_in_a_file_ask_nobody(self):
        """Acra writes them into every file, and nobody has wished for them."""
        names = [f"tls_{by}_{side}from_cert" for by in ("ocsp", "crl") for side in ("", "client_")]
        text = "".join(f"{name}: prefer\n" for name in names)
        text += "tls_ocsp_client_required: denyUnknown\ntls_crl_client_cache_size: 16\n"
        found = yamlfile.YamlFile("a.yaml", GOOD + text).read(SERVER_SECTIONS)
        self.assertEqual((found.ours, found.wrong), ({}, []))
        self.assertEqual(len(found.remarks), len(names))
        for number, (name, remark) in enumerate(zip(names, found.remarks, strict=True), 2):
            self.assertIn(f"a.yaml:{number}: {name} = prefer has no effect", remark)
            self.assertIn("write trust or use", remark)

    def test_what_is_somebodys_wish_holds(self):
        text = "tls_ocsp_from_cert: trust\ntls_crl_url: file:///x\ntls_crl_client_cache_size: 17\n"
        found = yamlfile.YamlFile("a.yaml", GOOD + text).read(SERVER_SECTIONS)
        self.assertEqual(
            {name: line.text for name, line in found.ours.items()},
            {
                "tls_ocsp_from_cert": "trust",
                "tls_crl_url": "file:///x",
                "tls_crl_client_cache_size": "17",
            },
        )
        self.assertEqual(found.remarks, [])
