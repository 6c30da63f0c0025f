"""A client is answered as by the database, byte for byte, in whatever order it talks.

Conversations are drawn from what the protocol has, sense or not, and said to the database itself,
to a server that looks at nothing, and to servers whose stages look at rows and at everything.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acra_twisted.sandbox.keys import Keys
from tests.integration.base import Surroundings, raw_session, until_end
from tests.support.sessions import (
    FLUSH,
    SYNC,
    TERMINATE,
    bind,
    call,
    close,
    describe,
    execute,
    message,
    messages,
    parse,
    query,
)

COPY_DONE = message(b"c", b"")
COPY_FAIL = message(b"f", b"no more\0")
RULES = "version: 0.85.0\nhandlers:\n  - handler: deny\n    tables: [nobody_asks_for_this]\n"
#: What a firewall refuses because it cannot tell what it is; as it does calls of functions.
REFUSED = (b"SELEC\0", b"EXECUTE a\0", b"SELECT 'a\\'")

_STATEMENTS = (
    b"SELECT 1",
    b"SELECT $1::int",
    b"SELECT generate_series(1, 5)",
    b"SELECT 1/0",
    b"SELEC",
    b"",
    b"BEGIN",
    b"COMMIT",
    b"ROLLBACK",
    b"SAVEPOINT s",
    b"CREATE TEMP TABLE IF NOT EXISTS t (a text)",
    b"INSERT INTO t VALUES ('x')",
    b"COPY t FROM STDIN",
    b"COPY (SELECT generate_series(1, 3)) TO STDOUT",
    b"PREPARE a AS SELECT 2",
    b"EXECUTE a",
    b"DEALLOCATE ALL",
    b"DISCARD ALL",
    b"DECLARE p CURSOR FOR SELECT generate_series(1, 4)",
    b"FETCH 2 FROM p",
    b"CLOSE p",
    b"SET standard_conforming_strings = off",
    b"SET application_name = 'other'",
    b"LISTEN c",
    b"NOTIFY c, 'now'",
    b"DROP TABLE IF EXISTS nobody_has_it",
    b"SELECT repeat('x', 70000)",
    b"TABLE t",
    b"SELECT 'a\\'",
    b"SELECT '\\x22222222'::bytea",
)
_TOGETHER = (
    b"SELECT 1; SELECT 2",
    b"SELECT 1; SELECT 1/0; SELECT 2",
    b"BEGIN; SELECT 1",
    b";",
    b"COPY t FROM STDIN; SELECT 3",
    b"COPY t TO STDOUT; COPY t FROM STDIN",
)
_NAMES = st.sampled_from((b"", b"a"))
_PORTALS = st.sampled_from((b"", b"p"))
_KINDS = st.sampled_from((b"S", b"P"))


SAYINGS = st.one_of(
    st.builds(query, st.sampled_from(_STATEMENTS + _TOGETHER)),
    st.builds(parse, _NAMES, st.sampled_from(_STATEMENTS)),
    st.builds(
        bind, _PORTALS, _NAMES, st.sampled_from(([], [], [b"7"], [b"x", b"7"])), st.booleans()
    ),
    st.builds(describe, _KINDS, _NAMES),
    st.builds(execute, _PORTALS, st.sampled_from((0, 0, 2))),
    st.builds(close, _KINDS, _NAMES),
    st.sampled_from((SYNC, SYNC, SYNC, FLUSH, COPY_DONE, COPY_FAIL)),
    # int4um, int4div and none.
    st.builds(call, st.sampled_from((212, 154, 1)), st.sampled_from(([b"7"], [b"1", b"0"]))),
    st.builds(message, st.just(b"d"), st.sampled_from((b"x\n", b"y", b""))),
)


class Conversations(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = Path(tempfile.mkdtemp(dir=cls.folder))
        rules = folder / "rules.yaml"
        rules.write_text(RULES)
        censor = {"acracensor_config_file": str(rules)}
        calls = {"database": {"function_call_enable": "true"}}
        keys = Keys(folder, "client")
        cls.ports = {
            stages: cls.chain(
                link="none",
                keys=keys,
                server={
                    "pipeline": {"stages": stages},
                    "tracing": {"tracing_sampler": "always"},
                    **more,
                },
            ).port
            for stages, more in (
                ("", calls),
                ("decryptor", calls),
                ("censor, decryptor", {"censor": censor}),
            )
        }

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(SAYINGS, max_size=20), st.integers(1, 40))
    def test_every_conversation_is_answered_as_by_the_database(self, sayings, size):
        expected = self.answers(self.postgres.port, sayings, 1 << 20)
        refused = any(
            saying.startswith(b"F") or any(text in saying for text in REFUSED) for saying in sayings
        )
        for stages, port in self.ports.items():
            if refused and "censor" in stages:
                continue
            for split in (1 << 20, size):
                self.assertEqual(self.answers(port, sayings, split), expected, stages)

    def answers(self, port, sayings, size):
        """All that is said, from the time the database is ready, to sayings in such pieces."""
        # What takes nothing for an end: Terminate is no word of copying.
        data = b"".join(sayings) + COPY_FAIL + SYNC + TERMINATE
        with raw_session(port) as raw:
            for start in range(0, len(data), size):
                raw.sendall(data[start : start + size])
            return messages(until_end(raw))
