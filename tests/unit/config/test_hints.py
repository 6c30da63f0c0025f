"""The hints for names that nobody knows, and for those that another program knows."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.hints import hint, misspelt, owner, section_hint


class Hints(SynchronousTestCase):
    def test_names_near(self):
        self.assertEqual(hint("db_hots", ["db_host", "db_port"]), "; did you mean 'db_host'?")
        self.assertEqual(hint("db_hots", ["db_host"], "--{}"), "; did you mean --db_host?")
        self.assertEqual(hint("zzz", ["db_host"]), "")

    def test_options_of_other_programs_are_never_taken_for_a_slip(self):
        for name, program in (
            ("db_host", "acra-server"),
            ("acraserver_connection_host", "acra-connector"),
            ("mysql_enable", "acra-server"),
            ("mode", "acra-connector"),
            ("incoming_connection_grpc_string", "acra-translator"),
            ("zone_id", "acra-keys"),
            ("nothing", ""),
        ):
            self.assertEqual(owner(name), program, name)
            expected = f"; it is an option of {program}" if program else ""
            self.assertEqual(hint(name, [f"{name}s"][: bool(program)]), expected)

    def test_sections(self):
        self.assertEqual(section_hint("databse", ["database"]), "; did you mean 'database'?")
        expected = "; it is a section of acra-server"
        self.assertEqual(section_hint("server", ["acraserver"]), expected)
        self.assertEqual(section_hint("zzz", ["database"]), "")

    def test_variables_that_nobody_reads(self):
        known = ["ACRA_DB_PORT", "ACRA_DB_HOST", "ACRA_TLS_CERT"]
        (said,) = misspelt(
            [
                "ACRA_DB_PROT",
                "ACRA_DB_HOST",
                "ACRA_SERVER_PORT",
                "ACRA_MASTER_KEY",
                "ACRA_TLS_CLIENT_CERT",
                "DB_PROT",
            ],
            known,
        )
        expected = (
            "ACRA_DB_PROT has no effect: no setting has this name; did you mean ACRA_DB_PORT?"
        )
        self.assertEqual(said, expected)
