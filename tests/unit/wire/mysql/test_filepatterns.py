"""Formats of files of LOAD DATA."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.mysql.filepatterns import InfileError, check
from tests.unit.wire.mysql.test_infile import FORMATS, PLAIN, QUOTED


class Formats(SynchronousTestCase):
    def test_formats_that_are_not_read(self):
        for form in (
            PLAIN._replace(fields=b""),
            PLAIN._replace(lines=b""),
            PLAIN._replace(lines=b"\t"),
            PLAIN._replace(enclosed=b"ab"),
            PLAIN._replace(escape=b"n"),
            PLAIN._replace(start="é".encode()),
            PLAIN._replace(fields=b"a\\"),
            QUOTED._replace(lines=b'"\n'),
        ):
            self.assertRaises(InfileError, check, form)
        for form in FORMATS:
            check(form)
