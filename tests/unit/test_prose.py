"""Pages and docstrings are sentences with a subject: none begins with a free relative."""

import ast
import re

from docutils import nodes
from docutils.core import publish_doctree
from twisted.trial.unittest import SynchronousTestCase

from tests.support.documents import TOP, pages

#: A sentence that begins so has a clause for a subject, or no subject at all.
_BEGINNING = re.compile(
    r"(?:Of|By(?! default| hand)|Wh(?:at|o|om|ose|oever|atever|ich|ichever|ether))\b"
)
#: A reader has to go back over these.
_INSIDE = re.compile(r"\bof who(?:se|m)\b|\bwhoever\b", re.I)
_SENTENCES = re.compile(r"(?<=[.!?:])\s+(?=[A-Z])")
FOLDERS = ("acra_twisted", "bench", "docs", "examples", "release", "tests", "twisted")


def odd(text):
    """Return the sentences of a paragraph that begin, or go on, in such a way."""
    found = []
    for sentence in _SENTENCES.split(" ".join(text.split())):
        if not sentence.endswith("?") and (_BEGINNING.match(sentence) or _INSIDE.search(sentence)):
            found.append(sentence)
    return found


def paragraphs(page):
    """Yield the prose of a page: paragraphs, titles and terms, without blocks of code."""
    tree = publish_doctree(page.read_text(), settings_overrides={"report_level": 5})
    for node in tree.findall(
        lambda node: isinstance(node, nodes.paragraph | nodes.title | nodes.term)
    ):
        yield node.astext()


def docstrings(path):
    """Yield the docstrings of a module, its classes and its functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield text


class Prose(SynchronousTestCase):
    def test_pages(self):
        """The page of the interfaces is made of docstrings."""
        wrong = [
            f"{page.name}: {sentence}"
            for page in pages()
            if page.name != "interfaces.rst"
            for text in paragraphs(page)
            for sentence in odd(text)
        ]
        self.assertEqual(wrong, [])

    def test_docstrings(self):
        wrong, seen = [], 0
        for folder in FOLDERS:
            for path in sorted((TOP / folder).rglob("*.py")):
                name = str(path.relative_to(TOP))
                for text in docstrings(path):
                    seen += 1
                    wrong += [f"{name}: {found}" for found in odd(text.split("\n\n")[0])]
        self.assertGreater(seen, 1500)
        self.assertEqual(wrong, [])

    def test_what_is_odd_is_found(self):
        self.assertEqual(len(odd("What it does is this.  It is so: Of two, one.")), 2)
        self.assertEqual(len(odd("A thing of whose kind there are two.  Whoever asks gets it.")), 2)
        self.assertEqual(odd("What is it?  By default it is off.  It is whole."), [])
