"""The exception tree."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import errors


class Texts(SynchronousTestCase):
    def test_where_comes_first(self):
        self.assertEqual(str(errors.ConfigError("no", "a.ini:3")), "a.ini:3: no")
        self.assertEqual(str(errors.ConfigError("no")), "no")
        self.assertEqual(str(errors.LexError("odd", 4)), "odd at byte 4")

    def test_sides(self):
        error = errors.FrameTooLarge("client", "large")
        self.assertEqual((error.side, error.sqlstate), ("client", b"08P01"))
        self.assertIsInstance(error, errors.WireError)
