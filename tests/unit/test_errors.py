"""The exception tree."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import errors
from acra_twisted.endreason import EndReason


class Texts(SynchronousTestCase):
    def test_where_comes_first(self):
        self.assertEqual(str(errors.ConfigError("no", "a.ini:3")), "a.ini:3: no")
        self.assertEqual(str(errors.ConfigError("no")), "no")
        self.assertEqual(str(errors.LexError("odd", 4)), "odd at byte 4")

    def test_mistakes_of_the_configuration_keep_their_codes_together(self):
        several = errors.ConfigError("one\ntwo", code=561)
        self.assertEqual(several.parts, ((561, "one"), (561, "two")))
        plain = errors.ConfigError("three", "a.ini:3")
        together = self.assertRaises(
            errors.ConfigError, errors.raise_together, [several, plain, several]
        )
        self.assertEqual(str(together), "one\ntwo\na.ini:3: three")
        self.assertEqual(together.parts, (*several.parts, (507, "a.ini:3: three")))

    def test_sides(self):
        error = errors.FrameTooLarge("client", "large")
        self.assertEqual((error.side, error.reason), ("client", EndReason.PROTOCOL))
        self.assertIsInstance(error, errors.WireError)
