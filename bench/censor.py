"""AcraCensor: decisions per second by number of rules, and what the stage costs a session.

``known``: the same text again; ``new literals``: its skeleton is known; ``new``: nothing is.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.rules import read_rules
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.postgres import Postgres
from acra_twisted.sandbox.processes import processor_time
from acra_twisted.sql.languages import LANGUAGES

_COUNTS = (1, 100, 1_000)
_QUERY = "SELECT abalance FROM pgbench_accounts WHERE aid = %d"


def handlers(count: int) -> list[dict[str, object]]:
    """So many rules: queries and tables that are denied, and patterns, the last of which fits."""
    third = max(count // 3, 1)
    patterns = [f"SELECT c{n} FROM t{n} WHERE a = %%VALUE%%" for n in range(third - 1)]
    denied = {
        "handler": "deny",
        "queries": [f"SELECT c{n} FROM d{n} WHERE a = {n}" for n in range(third)],
        "tables": [f"secret{n}" for n in range(count - 2 * third)],
    }
    allowed = {
        "handler": "allow",
        "patterns": [*patterns, "SELECT abalance FROM pgbench_accounts WHERE aid = %%VALUE%%"],
    }
    first: list[dict[str, object]] = [denied] if count > 1 else []
    return [*first, allowed, {"handler": "allowall"}]


def _rate(function: Callable[[bytes], object], texts: list[bytes]) -> float:
    began = time.perf_counter()
    for text in texts:
        function(text)
    return len(texts) / (time.perf_counter() - began)


def decisions(rounds: int) -> dict[str, dict[str, float]]:
    """Decisions per second on one core: by database and number of rules, of each kind."""
    found: dict[str, dict[str, float]] = {}
    for db in LANGUAGES:
        for count in _COUNTS:
            rules = read_rules({"handlers": handlers(count)}, need_version=False)
            censor = Censor(LANGUAGES[db], rules)
            other = [_QUERY.encode() % n for n in range(20_000)]
            new = [f"SELECT a{n} FROM t{n} WHERE b = {n}".encode() for n in range(500)]
            best = {"known": 0.0, "new literals": 0.0, "new": 0.0}
            # Without literals, as a prepared statement's: only such are found by their whole text.
            same = [b"SELECT abalance FROM pgbench_accounts WHERE aid = $1"] * 20_000
            for _ in range(rounds):
                best["known"] = max(best["known"], _rate(censor.decide, same))
                best["new literals"] = max(best["new literals"], _rate(censor.decide, other))
                censor.forget()
                best["new"] = max(best["new"], _rate(censor.decide, new))
            found[f"{db}, {count:,} rules"] = best
    return found


class Stage:
    """A server without and one with the stage and 100 rules, for the same workload in turns."""

    def __init__(self, postgres: Postgres, stack: ExitStack, folder: Path) -> None:
        rules = folder / "rules.yaml"
        data = {"version": "0.85.0", "handlers": handlers(100)}
        # JSON is YAML.
        rules.write_text(json.dumps(data))
        self.chains: dict[str, Chain] = {}
        for name, own in (
            ("without", {}),
            ("100 rules", {"censor": {"acracensor_config_file": str(rules)}}),
        ):
            chain = Chain(
                ("127.0.0.1", postgres.port),
                link="none",
                folder=Path(tempfile.mkdtemp(dir=folder)),
                server={
                    "pipeline": {"stages": ""},
                    "tracing": {"tracing_sampler": "never"},
                    "logging": {"v": "false"},
                    **own,
                },
            )
            stack.callback(chain.stop)
            self.chains[name] = chain.start()

    def cost(
        self, workload: Callable[[int, tuple[str, ...]], float], rounds: int
    ) -> dict[str, dict[str, float]]:
        """For simple and prepared select-only pgbench: what the stage takes of the rate, and the
        server's processor time a transaction without and with it, microseconds (medians)."""
        found = {}
        for mode in ("simple", "prepared"):
            lost: list[float] = []
            spent: dict[str, list[float]] = {name: [] for name in self.chains}
            for _ in range(rounds):
                rates = {}
                for name, chain in self.chains.items():
                    before = processor_time(chain.server.pid)
                    began = time.perf_counter()
                    rates[name] = workload(chain.port, ("-S", "-M", mode))
                    took = time.perf_counter() - began
                    used = processor_time(chain.server.pid) - before
                    spent[name].append(used / (rates[name] * took) * 1e6)
                lost.append(1 - rates["100 rules"] / rates["without"])
            found[mode] = {
                "lost": statistics.median(lost),
                **{name: statistics.median(figures) for name, figures in spent.items()},
            }
        return found


def table(decided: dict[str, dict[str, float]], cost: dict[str, dict[str, float]]) -> str:
    """The measurements as text."""
    kinds = list(next(iter(decided.values())))
    lines = ["AcraCensor, decisions".ljust(28) + "".join(kind.rjust(22) for kind in kinds)]
    for name, rates in decided.items():
        shown = (f"{rate:,.0f}/s {1e6 / rate:6.1f} us".rjust(22) for rate in rates.values())
        lines.append(name.ljust(28) + "".join(shown))
    lines += ["", "The stage with 100 rules, select-only pgbench through the server alone"]
    for mode, figures in cost.items():
        lines.append(
            f"{mode.ljust(10)} takes {figures['lost']:.1%} of the rate; processor time of the "
            f"server a transaction: {figures['without']:.1f} us without, "
            f"{figures['100 rules']:.1f} us with it"
        )
    return "\n".join(lines)
