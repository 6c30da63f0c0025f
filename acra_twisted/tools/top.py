"""``acra-top``: what daemons do at this moment, in the terminal, again and again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from time import sleep
from typing import Any, NamedTuple, TextIO

from acra_twisted.errors import ConfigError
from acra_twisted.lines import printable
from acra_twisted.tools import commandline, topstatements
from acra_twisted.tools.commandline import Environment, Parser
from acra_twisted.tools.pages import Pages, add_options, understood

PROGRAM = "acra-top"
_CLEAR = "\x1b[H\x1b[2J"
_SESSIONS, _TRACES = 15, 5
_SORTS = {"waiting": "state_ms", "in": "received", "out": "sent", "age": "seconds"}
_CALL = "{:28.28} {:>9} {:>9} {:>9} {:>7} {:>9} {:>9}"
_STATES = {"in_transaction": "in transaction", "in_transaction_failed": "failed transact."}


class _Column(NamedTuple):
    """``needs``: on a terminal narrower than that it is left out."""

    title: str
    width: int
    text: Callable[[Mapping[str, Any]], str]
    needs: int = 0
    right: bool = False


_COLUMNS = (
    _Column("ID", 6, lambda s: str(s["session_id"]), right=True),
    _Column("CLIENT ID", 16, lambda s: _short(s["client_id"], 16), 100),
    _Column("PEER", 21, lambda s: s["peer"], 150),
    _Column("USER", 12, lambda s: s["user"], 120),
    _Column("STATE", 16, lambda s: _STATES.get(s["state"], s["state"])),
    _Column("FOR", 7, lambda s: _span(s["state_ms"]), right=True),
    _Column("IN", 7, lambda s: _size(s["received"]), 80, True),
    _Column("OUT", 7, lambda s: _size(s["sent"]), 80, True),
)


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Show the sessions, rates, stages, and slow or denied "
        "exchanges of running daemons.",
    )
    commandline.add_common(parser)
    add_options(parser)
    parser.add_argument(
        "--interval", type=commandline.number, default=2.0, help="seconds between two updates"
    )
    parser.add_argument(
        "--sort",
        default="waiting",
        choices=tuple(_SORTS),
        help="order of sessions: longest waiting or idle, most bytes in or out, oldest",
    )
    topstatements.add_options(parser)
    parser.switch("once", help="print once and end")
    parser.switch("json", help="print JSON once and end")
    parser.switch("csv", help="--statements: print CSV once and end")
    return parser


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> None:
    """Raises ConfigError."""
    given = _parser().parse_args(arguments)
    if not 0.1 <= given.interval <= 3600:
        raise ConfigError("--interval: expected 0.1 to 3600 seconds")
    if given.csv and (given.json or not given.statements):
        raise ConfigError("--csv: goes with --statements, and without --json")
    pages = Pages(given, environment)
    if given.csv:
        output.writelines(topstatements.as_csv(_seen(pages, given)))
        return
    if given.json:
        json.dump(_seen(pages, given), output)
        output.write("\n")
        return
    try:
        while True:
            width = shutil.get_terminal_size((120, 40)).columns
            lines = [line[:width] for line in _drawn(_seen(pages, given), width, given)]
            output.write(("" if given.once else _CLEAR) + "\n".join(lines) + "\n")
            output.flush()
            if given.once:
                return
            sleep(given.interval)
    except KeyboardInterrupt:
        return


def _seen(pages: Pages, given: Any) -> list[dict[str, Any]]:
    if given.statements:
        return topstatements.look(pages, given.range, given.order)
    return [look(pages, source) for source in pages.sources]


def _drawn(seen: list[dict[str, Any]], width: int, given: Any) -> list[str]:
    if given.statements:
        return topstatements.draw(seen, given.range)
    lines: list[str] = []
    for one in seen:
        with understood(one["source"]):
            lines += draw(one, width, given.sort)
    return lines


def look(pages: Pages, source: str) -> dict[str, Any]:
    """All that is shown of one daemon.  Raises ConfigError."""
    live = pages.get(source, "/debug/sessions") or {"service": "?", "sessions": []}
    traces = {
        name: (pages.get(source, "/debug/traces", asked) or {}).get("traces", [])
        for name, asked in (
            ("slow", {"sort": "slowest"}),
            ("denied", {"verdict": "deny"}),
            ("failed", {"verdict": "error"}),
        )
    }
    return {**live, **traces, "calls": pages.get(source, "/debug/rpcz") or {}, "source": source}


def draw(seen: Mapping[str, Any], width: int = 120, sort: str = "waiting") -> list[str]:
    """One daemon as lines of text for a terminal of so many columns."""
    sessions = seen["sessions"]
    states: dict[str, int] = {}
    for session in sessions:
        states[session["state"]] = states.get(session["state"], 0) + 1
    shown = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    lines = [f"{seen['service']} at {seen['source']}    sessions: {shown}", ""]
    lines += _calls(seen["calls"])
    columns = [column for column in _COLUMNS if column.needs <= width]
    lines.append(" ".join([*(_fit(c.title, c) for c in columns), "STATEMENT, or (the last)"]))
    # Who waits for a reply comes first: that is what hangs.
    sessions = sorted(sessions, key=lambda s: (s["state"] != "active", -s[_SORTS[sort]]))
    for session in sessions[:_SESSIONS]:
        cells = [_fit(_line(column.text(session)), column) for column in columns]
        lines.append(" ".join([*cells, _statement(session)]))
    if len(sessions) > _SESSIONS:
        lines.append(f"{len(sessions) - _SESSIONS} more")
    named = width >= 100
    for title, rows in (
        ("SLOWEST", seen["slow"]),
        ("DENIED", seen["denied"]),
        ("FAILED", seen["failed"]),
    ):
        if rows:
            client = f"{'CLIENT ID':16} " if named else ""
            lines += ["", f"{title:7} {'MS':>10}  {'TRACE':32} {client}REQUEST"]
        for row in rows[:_TRACES]:
            client = f"{_short(row['client_id'], 16):16} " if named else ""
            took = f"{row['took'] / 1e6:.3f}"
            lines.append(f"{'':7} {took:>10}  {row['trace_id']} {client}{_line(row['name'])}")
    return [*lines, ""]


def _fit(text: str, column: _Column) -> str:
    text = text[: column.width]
    return text.rjust(column.width) if column.right else text.ljust(column.width)


def _statement(session: Mapping[str, Any]) -> str:
    """Return the running statement of a session, or its last one in brackets."""
    if session["statement"]:
        return _line(session["statement"])
    return f"({_line(session['last_statement'])})" if session["last_statement"] else ""


def _short(text: str, width: int) -> str:
    """A text that is longer ends with dots."""
    return text if len(text) <= width else text[: width - 2] + ".."


def _span(milliseconds: float) -> str:
    seconds = milliseconds / 1e3
    if seconds < 1:
        return f"{milliseconds:.0f}ms"
    if seconds < 120:
        return f"{seconds:.1f}s"
    minutes = int(seconds // 60)
    return f"{minutes}m" if minutes < 120 else f"{minutes // 60}h{minutes % 60:02}m"


def _size(count: float) -> str:
    power = 0
    while count >= 10_000 and power < 4:
        count /= 1000
        power += 1
    return f"{count:.0f}{' kMGT'[power].strip()}"


def _calls(calls: Mapping[str, Any]) -> list[str]:
    """The last minute: requests by kind, then where the time went."""
    lines = [_CALL.format("LAST MINUTE", "RATE/S", "AVG MS", "P99 MS", "ERRORS", "kB/S IN", "OUT")]
    for title in ("received", "sent"):
        for method, spans in calls.get(title, {}).items():
            row = spans["minute"]
            if row["count"]:
                lines.append(
                    _CALL.format(
                        f"{title} {method}",
                        f"{row['rate']:.1f}",
                        f"{row['average_ms']:.3f}",
                        f"{row['p99_ms']:.3f}",
                        row["errors"],
                        f"{row['input_kb']:.1f}",
                        f"{row['output_kb']:.1f}",
                    )
                )
    stages = {name: spans["minute"]["time_ms"] for name, spans in calls.get("stages", {}).items()}
    whole = sum(stages.values())
    if whole:
        shares = ", ".join(
            f"{name} {took / whole:.0%}"
            for name, took in sorted(stages.items(), key=lambda item: -item[1])
        )
        lines.append(f"stages' time: {shares}")
    return [*lines, ""]


def _line(text: str) -> str:
    """On one line and without what a terminal would obey."""
    return printable(text, " ")


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
