"""The table of event codes."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.eventtable import SECURITY, SYSLOG, TABLE, cef_severity, syslog_severity
from acra_twisted.telemetry.logs import sinks


class Codes(SynchronousTestCase):
    def test_each_has_a_row_and_none_is_used_twice(self):
        codes = [value for value in vars(events).values() if type(value) is int]
        self.assertEqual(sorted(codes), sorted(TABLE))
        self.assertEqual(len(codes), len(set(codes)))

    def test_each_row_is_whole(self):
        for code, row in TABLE.items():
            self.assertTrue(0 <= row.severity <= 10, code)
            self.assertIn(row.syslog, SYSLOG)
            self.assertTrue(row.meaning and row.remedy.endswith("."), code)
            self.assertEqual(bool(row.action), bool(row.outcome), code)
            self.assertEqual(row.action != "", code in SECURITY)

    def test_what_weighs_more_for_cef_weighs_no_less_for_syslog(self):
        rows = sorted(TABLE.values(), key=lambda row: row.severity)
        numbers = [SYSLOG[row.syslog] for row in rows if row.action]
        self.assertEqual(numbers, sorted(numbers, reverse=True))

    def test_an_intruder_weighs_most_and_a_refused_statement_more_than_a_failed_login(self):
        poison, blocked, login = (
            TABLE[code].severity
            for code in (events.POISON_RECORD, events.QUERY_NOT_ALLOWED, events.LOGIN_REFUSED)
        )
        self.assertEqual((poison, blocked), (10, 7))
        self.assertLess(login, blocked)


class Severities(SynchronousTestCase):
    def test_security_events_weigh_what_the_table_says(self):
        for level in (3, 6, 8):
            self.assertEqual(cef_severity(events.POISON_RECORD, level), 10)
        self.assertEqual(syslog_severity(events.POISON_RECORD, 4), 1)

    def test_other_lines_what_their_level_says(self):
        self.assertEqual(cef_severity(events.READ_KEYS, 1), 1)
        self.assertEqual(cef_severity(events.READ_KEYS, 3), 6)
        self.assertEqual(cef_severity(events.GENERAL, 6), 6)
        self.assertEqual(cef_severity(99999, 3), 3)
        self.assertEqual(syslog_severity(events.GENERAL, 3), 3)
        self.assertEqual(syslog_severity(events.POISON_RECORD, 7), 7)

    def test_levels_are_named_as_syslog_names_them(self):
        self.assertLessEqual(set(SYSLOG.values()), set(sinks.SEVERITIES.values()) | {1, 5})
