"""Values of literals: those of a skeleton are the ones that the lexer's tokens have."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.values import Values, plain, prefixed
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.sql.skeleton import split

_ALIKE = {
    "mysql": b"SELECT 1, 'a', X'4Aff', b'01', N'n', _binary'c', 2.5",
    "postgresql": b"SELECT 1, 'a', x'4Aff', B'01', E'e', '\\x41', 2.5",
}


class OfTexts(SynchronousTestCase):
    def test_plain_ones(self):
        self.assertEqual(
            plain([b"'a'", b"1.5", b"''"]), [("string", b"a"), ("number", b"1.5"), ("string", b"")]
        )

    def test_of_a_skeleton_and_of_tokens(self):
        for name, text in _ALIKE.items():
            language = LANGUAGES[name]
            mode = language.mode
            whole = Values(language, text, language.tokens(text, mode), mode)()
            self.assertEqual(prefixed(split(text, language.quote), language, mode), whole)
            self.assertEqual(len(whole), 7)
