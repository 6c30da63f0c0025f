"""``acra-trace``: one trace as a waterfall in the terminal, or the traces that fit.

Reads the trace pages of any number of daemons, or their histories, and puts together what each has
of a trace, so that connector and server are one picture without a collector.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

from acra_twisted.errors import ConfigError
from acra_twisted.lines import printable
from acra_twisted.telemetry.pages.search import FILTERS
from acra_twisted.telemetry.pages.waterfall import draw, draw_shares
from acra_twisted.telemetry.tracing.spans import iso_time
from acra_twisted.tools import commandline, stores
from acra_twisted.tools.commandline import Environment, Parser
from acra_twisted.tools.pages import Pages, add_options, understood
from acra_twisted.tools.stores import Stores

PROGRAM = "acra-trace"
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


def _parser() -> Parser:
    parser = Parser(prog=PROGRAM, description="Show a trace of running daemons, or of a history.")
    commandline.add_common(parser)
    parser.add_argument(
        "trace_id",
        nargs="?",
        default="",
        help="trace id of 32 hex digits; without it the tool searches",
    )
    add_options(parser)
    stores.add_options(parser)
    for name, meaning in FILTERS.items():
        if name != "trace_id":
            parser.add_argument(f"--{name}", default="", help=f"search: {meaning}")
    parser.switch("events", help="list security events instead, with --store")
    parser.switch("json", help="print JSON")
    return parser


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> None:
    """Raises ConfigError."""
    given = _parser().parse_args(arguments)
    if given.stores and given.sources:
        raise ConfigError("--store and --from: give one of them")
    source: _Source = Stores(given.stores) if given.stores else _Running(given, environment)
    trace_id = given.trace_id.lower()
    if trace_id and not _TRACE_ID.fullmatch(trace_id):
        raise ConfigError("a trace id has 32 hex digits")
    if given.events:
        if not isinstance(source, Stores) or trace_id:
            raise ConfigError("--events needs --store, and no trace id")
        _events(source, given, output)
        return
    with understood("--store" if given.stores else "--from"):
        if trace_id:
            _show(trace_id, source, given.json, output)
        else:
            _search(source, given, output)


class _Source(Protocol):
    """Where traces are kept.  ``more`` is True if a limit has cut an answer."""

    more: bool

    def spans(self, trace_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the records of a trace."""

    def matches(self, asked: Mapping[str, str]) -> Sequence[dict[str, Any]]:
        """Return the requests that fit, as the page's JSON has them."""


class _Running:
    """The pages of running daemons."""

    more = False

    def __init__(self, given: Any, environment: Environment) -> None:
        self._pages = Pages(given, environment)

    def spans(self, trace_id: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for source in self._pages.sources:
            answer = self._pages.get(source, f"/debug/trace/{trace_id}")
            found += (answer or {}).get("spans", ())
        return found

    def matches(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for source in self._pages.sources:
            answer = self._pages.get(source, "/debug/traces", asked)
            found += (answer or {}).get("traces", ())
        return found


def _show(trace_id: str, source: _Source, as_json: bool, output: TextIO) -> None:
    spans = {span["span_id"]: span for span in source.spans(trace_id)}
    if not spans:
        if isinstance(source, Stores):
            raise ConfigError(f"nothing of {trace_id} is in the history")
        raise ConfigError(f"no daemon keeps anything of {trace_id}: only recent traces are kept")
    records = sorted(spans.values(), key=lambda span: span["start"])
    if as_json:
        json.dump({"trace_id": trace_id, "spans": records}, output)
        output.write("\n")
        return
    for line in (*draw(records), *draw_shares(records)):
        _line(output, line.rstrip())
    for span in records:
        if span["status"]:
            told = span["attributes"].get("acra.censor.rule", "")
            why = " ".join(filter(None, (span["message"], told and f"({told})")))
            _line(output, f"! {span['service']} {span['name']}: {why}")
    elsewhere = {
        (link["trace_id"], span["name"])
        for span in records
        for link in span["links"]
        if link["trace_id"] != trace_id
    }
    for linked, name in sorted(elsewhere):
        _line(output, f"linked with {linked}, by {name}")


def _line(output: TextIO, text: str) -> None:
    """Write one line, without what a terminal would obey: texts are of others."""
    output.write(printable(text, " ") + "\n")


def _asked(given: Any) -> dict[str, str]:
    return {name: getattr(given, name) for name in FILTERS if getattr(given, name, "")}


def _search(source: _Source, given: Any, output: TextIO) -> None:
    found: dict[str, dict[str, Any]] = {}
    for match in source.matches(_asked(given)):
        known = found.setdefault(match["trace_id"], match)
        # What the server knows of an exchange is more than what a connector does.
        if match["verdict"] and not known["verdict"]:
            found[match["trace_id"]] = match
    key = "took" if given.sort.strip().lower() == "slowest" else "start"
    rows = sorted(found.values(), key=lambda match: -match[key])
    if given.json:
        json.dump({"traces": rows, "more": source.more}, output)
        output.write("\n")
    for row in () if given.json else rows:
        # The weightiest one stands first; an older daemon tells one alone.
        verdict = next(iter(row.get("verdicts") or ()), row["verdict"])
        _line(
            output,
            f"{iso_time(row['start'])} {row['took'] / 1e6:10.3f} ms  {row['trace_id']}  "
            f"{verdict:6} {row['client_id'] or '-'}  {row['name']}",
        )
    _tell_more(source, given, output)
    if not rows:
        raise ConfigError("nothing that is kept fits")


def _tell_more(source: _Source, given: Any, output: TextIO) -> None:
    if source.more and not given.json:
        _line(
            output, "the search took too long, or found too much, and was ended: there may be more"
        )


def _events(source: Stores, given: Any, output: TextIO) -> None:
    rows = source.events(_asked(given))
    if given.json:
        known = [{**row._asdict(), "fields": dict(row.fields)} for row in rows]
        json.dump({"events": known, "more": source.more}, output)
        output.write("\n")
    for row in () if given.json else rows:
        times = f"{row.times} x " if row.times > 1 else ""
        _line(
            output,
            f"{iso_time(row.last)} {row.code:4} {times}{row.fields.get('message', '')}  "
            f"{row.client_id or '-'}  {row.trace_id or '-'}",
        )
    _tell_more(source, given, output)
    if not rows:
        raise ConfigError("nothing that is kept fits")


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
