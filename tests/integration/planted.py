"""The search for planted values in all that a daemon shows and writes while they are planted."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from acra_twisted.sandbox.collector import Collector
from tests.integration.base import eventually, get
from tests.support.histories import unpacked
from tests.support.planted import Search, forms

_VIEWS = ("statements", "traces", "sessions", "security", "topology", "health")
_PLACES = (
    *("metrics", "readyz", "debug/rpcz", "debug/tracez?format=json", "debug/tracez"),
    *("debug/traces", "debug/traces?format=json", "debug/sessions", "console/"),
    *(f"console/{view}{form}" for view in _VIEWS for form in ("", "?format=json")),
)


class PlantedCase:
    """For a class of tests whose ``served`` is a chain with `watched`; ``said`` are the errors that
    clients were told, and ``began`` is when values began to be written."""

    @classmethod
    def watched(cls):
        """The server's sections and the environment by which everything is written somewhere."""
        cls.collector = Collector().start()
        cls.addClassCleanup(cls.collector.stop)
        cls.history, cls.security_log = cls.folder / "history", cls.folder / "security.log"
        sections = {
            "pipeline": {"stages": "query_capture, encryptor, decryptor, poison"},
            "stage:query_capture": {
                "filepath": str(cls.folder / "captured.jsonl"),
                "flush_interval": "0.5",
            },
            "logging": {"d": "true", "security_log_file": str(cls.security_log)},
            "tracing": {"otlp_endpoint": cls.collector.url, "tracing_interval": "0.1"},
            "history": {"trace_store_file": str(cls.history)},
        }
        return sections, {"TMPDIR": tempfile.mkdtemp(dir=cls.folder)}

    def pages(self):
        """All that the daemon shows of itself."""
        port = self.served.server_pages
        texts = {place: get(port, f"/{place}") for place in _PLACES}
        for trace_id in list(self.collector.traces())[:200]:
            try:
                texts[trace_id] = get(port, f"/debug/trace/{trace_id}")
                texts[f"view of {trace_id}"] = get(port, f"/console/trace?id={trace_id}")
            except OSError:
                # It is kept no more.
                continue
        return texts

    def assert_nowhere(self, wanted: Search, data: Path) -> None:
        """No value is in anything that the daemon has shown or written, nor in the database's
        ``data``; and what has been searched speaks of the table."""
        eventually(lambda: "people" in (self.folder / "captured.jsonl").read_text(), "capture", 30)
        eventually(
            lambda: any(s["attributes"].get("acra.refused_column") for s in self.collector.spans),
            "the spans of refusals",
            30,
        )
        pages = self.pages()
        eventually(lambda: "acra.refused_column" in unpacked(self.history), "the history", 30)
        texts = {
            "history": unpacked(self.history),
            **pages,
            "spans": json.dumps(self.collector.spans),
            "spans in clear": json.dumps(self.collector.spans, ensure_ascii=False),
            "errors": "\n".join(self.said),
            "output": self.served.server.output(),
        }
        for place, text in texts.items():
            self.assertEqual(wanted.within(text.encode()), set(), place)
        self.assertEqual(dict(wanted.below((data, self.folder), self.began)), {})
        places = ("history", "spans", "errors", "output", "metrics", "console/statements")
        for place in (*places, "console/security", "console/traces"):
            self.assertIn("people", texts[place], place)
        self.assertTrue(self.security_log.stat().st_size)

    def assert_found(
        self,
        planted: Mapping[str, str | int | bytes],
        data: Path,
        numbers: tuple[str, ...],
    ) -> set[Path]:
        """Values that nobody protects are found in the database's ``data``, in each form (of
        numbers in those of ``numbers``), or the search is no good; the files that have one."""
        seen: set[str] = set()
        files = set()
        for path, names in Search(planted).below((data,), self.began):
            seen |= names
            files.add(path)
        expected = {
            f"{name} ({kind})"
            for name, value in planted.items()
            for kind in (numbers if isinstance(value, int) else forms(value))
        }
        self.assertEqual(expected - seen, set())
        return files
