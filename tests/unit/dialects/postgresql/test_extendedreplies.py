"""Descriptions reach the client as the database gives them, or as a stage has made them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    PARSE_COMPLETE,
    SYNC,
    bind,
    columns,
    complete,
    describe,
    execute,
    parse,
    query,
    ready,
    row,
)
from tests.support.stages import Retyping


class Retyped(SynchronousTestCase):
    """A stage gives a column another type: the client is told so, and the rows follow."""

    TOLD = columns(b"n").replace(b"\0\0\0\x19\xff\xff", b"\0\0\0\x17\0\4")

    def setUp(self):
        self.pipeline = Pipeline([Retyping()])
        self.play = Playbook(self.pipeline.run, ["rows"], results=self.pipeline.results)

    def talk(self, size=1 << 20):
        """A text and a statement that is described, then executed with results in binary."""
        play, got = self.play, b""
        for request, reply in (
            (query(b"select"), columns(b"n") + row(b"12") + complete(b"SELECT 1") + ready()),
            (parse(b"s", b"select") + describe(b"S", b"s") + SYNC,
             PARSE_COMPLETE + message(b"t", b"\0\0") + columns(b"n") + ready()),
            (bind(b"", b"s", binary=True) + execute() + SYNC,
             BIND_COMPLETE + row(b"12") + row(None) + complete(b"SELECT 2") + ready()),
            (bind(b"", b"s") + describe(b"P", b"") + execute() + SYNC,
             BIND_COMPLETE + columns(b"n") + row(b"34") + complete(b"SELECT 1") + ready()),
        ):  # fmt: skip
            play.client(request)
            for at in range(0, len(reply), size):
                got += play.database(reply[at : at + size])
            play.done()
        return got

    def test_descriptions_and_rows(self):
        expected = (
            *(self.TOLD, row(b"21"), complete(b"SELECT 1"), ready()),
            *(PARSE_COMPLETE, message(b"t", b"\0\0"), self.TOLD, ready()),
            *(BIND_COMPLETE, row(b"\0\0\0\x0c"), row(None), complete(b"SELECT 2"), ready()),
            *(BIND_COMPLETE, self.TOLD, row(b"43"), complete(b"SELECT 1"), ready()),
        )
        # What is known the second time is not told otherwise, however the bytes are cut.
        for size in (1 << 20, 1 << 20, 1, 7):
            self.assertEqual(self.talk(size), b"".join(expected))

    def test_other_columns_stay_as_they_are(self):
        described = columns(b"n").replace(b"\0\0\0\x19", b"\0\0\0\x11")
        reply = described + row(b"12") + complete(b"SELECT 1") + ready()
        self.play.client(query(b"select"))
        self.assertIs(self.play.database(reply), reply)
