"""``acra-trace``: one trace as a waterfall in the terminal, or the traces that fit.

Reads the trace pages of any number of daemons and puts together what each has of a trace, so that
connector and server are one picture without a collector.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from acra_twisted.errors import ConfigError
from acra_twisted.telemetry.pages.search import FILTERS
from acra_twisted.telemetry.pages.waterfall import draw, draw_shares
from acra_twisted.telemetry.tracing.spans import iso_time
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment, Parser
from acra_twisted.tools.pages import Pages, add_options

PROGRAM = "acra-trace"
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


def _parser() -> Parser:
    parser = Parser(prog=PROGRAM, description="Show a trace of running daemons.")
    commandline.add_common(parser)
    parser.add_argument(
        "trace_id",
        nargs="?",
        default="",
        help="trace id of 32 hex digits; without it the tool searches",
    )
    add_options(parser)
    for name, meaning in FILTERS.items():
        if name != "trace_id":
            parser.add_argument(f"--{name}", default="", help=f"search: {meaning}")
    parser.switch("json", help="print JSON")
    return parser


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> None:
    """Raises ConfigError."""
    given = _parser().parse_args(arguments)
    pages = Pages(given, environment)
    trace_id = given.trace_id.lower()
    if trace_id and not _TRACE_ID.fullmatch(trace_id):
        raise ConfigError("a trace id has 32 hex digits")
    if trace_id:
        _show(trace_id, pages, given.json, output)
    else:
        _search(pages, given, output)


def _show(trace_id: str, pages: Pages, as_json: bool, output: TextIO) -> None:
    spans: dict[str, Mapping[str, Any]] = {}
    for source in pages.sources:
        answer = pages.get(source, f"/debug/trace/{trace_id}")
        spans |= {span["span_id"]: span for span in (answer or {}).get("spans", ())}
    if not spans:
        raise ConfigError(f"no daemon keeps anything of {trace_id}: only recent traces are kept")
    records = sorted(spans.values(), key=lambda span: span["start"])
    if as_json:
        json.dump({"trace_id": trace_id, "spans": records}, output)
        output.write("\n")
        return
    for line in (*draw(records), *draw_shares(records)):
        output.write(line.rstrip() + "\n")
    for span in records:
        if span["status"]:
            told = span["attributes"].get("acra.censor.rule", "")
            why = " ".join(filter(None, (span["message"], told and f"({told})")))
            output.write(f"! {span['service']} {span['name']}: {why}\n")
    elsewhere = {
        (link["trace_id"], span["name"])
        for span in records
        for link in span["links"]
        if link["trace_id"] != trace_id
    }
    for linked, name in sorted(elsewhere):
        output.write(f"linked with {linked}, by {name}\n")


def _search(pages: Pages, given: Any, output: TextIO) -> None:
    asked = {name: getattr(given, name) for name in FILTERS if getattr(given, name)}
    found: dict[str, dict[str, Any]] = {}
    for source in pages.sources:
        for match in (pages.get(source, "/debug/traces", asked) or {}).get("traces", ()):
            known = found.setdefault(match["trace_id"], match)
            # What the server knows of an exchange is more than what a connector does.
            if match["verdict"] and not known["verdict"]:
                found[match["trace_id"]] = match
    key = "took" if given.sort.strip().lower() == "slowest" else "start"
    rows = sorted(found.values(), key=lambda match: -match[key])
    if given.json:
        json.dump({"traces": rows}, output)
        output.write("\n")
    for row in () if given.json else rows:
        verdict = row["error"] and row["verdict"] != "deny" and "error" or row["verdict"]
        output.write(
            f"{iso_time(row['start'])} {row['took'] / 1e6:10.3f} ms  {row['trace_id']}  "
            f"{verdict:6} {row['client_id'] or '-'}  {row['name']}\n"
        )
    if not rows:
        raise ConfigError("nothing that is kept fits")


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
