"""Values of literals: those of a skeleton are the ones that the lexer's tokens have."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.values import Values, odd, plain
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.sql.oddstrings import cut

_ALIKE = {
    "mysql": rb"SELECT 1, 'a''\'\n', X'4Aff', b'01', N'n', _binary'\0', 2.5, 0x1F",
    "postgresql": rb"SELECT 1, 'a''b', x'4Aff', B'01', E'e\n', '\x41', 2.5, E''",
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
            self.assertEqual(odd(cut(text, name)[1], language, mode), whole)
            self.assertEqual(len(whole), 8)
