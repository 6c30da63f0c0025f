"""Measure what the console and the history cost: servers without and with them, in turns.

All are compiled and export their spans to the same sink; they differ in nothing but the pages with
the console and ``trace_store_file``.  While one is measured the others are stopped.  Before it is
measured each works for some time as it does then: else it would do in its turn what has become due,
and what it has saved up, while it was stopped.  How soon pages answer under load is measured as
well.  On a machine that others use, turns before all others tell more (`bursts`).
"""

from __future__ import annotations

import math
import os
import signal
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path

import bursts
from sidebyside import COMPILED, SAMPLERS, program

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import Postgres
from acra_twisted.sandbox.processes import processor_time

OFF, ON = "off", "on"
#: The aims, as shares of the rate, by sampling.
AIMS = {"1 %": 0.02, "100 %": 0.05}
#: Milliseconds that a page may take, 99 of 100 times, while the server carries a load.
PAGE_AIM = 50
_VIEWS = ("overview", "statements", "traces", "sessions", "security", "topology", "health")
#: Pages of each view: of fewer, the slowest would be the 99th percentile.
_PAGES = 100
#: How far a median may be from that of all rounds there could be, in two runs of three: so many
#: distances between the quarters, divided by the root of the number of rounds.
_MEDIAN = 1.2533 / 1.349
#: Seconds that a server has to itself before it is measured.
_WAKING = 0.1
#: Seconds between two pages.
_PAUSE = 0.05
#: Pairs of turns before all others, and seconds of each: see `bursts`.
PAIRS, BURST = 30, 0.9
#: Seconds of a turn in which pages are asked for.
PAGES_BURST = 0.8
Costs = dict[str, dict[str, float]]


class Served:
    """Compiled servers before a PostgreSQL, two for each sampling."""

    def __init__(self, postgres: Postgres, stack: ExitStack, folder: Path) -> None:
        sink, collector = program("sink", folder)
        stack.callback(sink.stop)
        self._sink = sink.pid
        self._chains: dict[tuple[str, str], Chain] = {}
        for sampling in AIMS:
            for state in (OFF, ON):
                chain = _chain(postgres.port, folder, collector, sampling, state == ON)
                stack.callback(chain.stop)
                self._chains[sampling, state] = chain.start()
        # One that is stopped cannot end.
        stack.callback(self._signal, signal.SIGCONT)

    def compare(
        self,
        workload: Callable[[int, tuple[str, ...]], float],
        before: Callable[[int, tuple[str, ...]], float],
        rounds: int,
    ) -> Costs:
        """Return for select-only pgbench what is lost of the rate, and the server's processor time
        a transaction without and with them, microseconds (medians of the rounds).  A quarter of the
        rounds lost no more than ``least``, a quarter no less than ``most``; ``give`` is how
        uncertain the median is.  ``before`` is the same workload that is not measured."""
        found: Costs = {}
        self._signal(signal.SIGSTOP)
        for mode in ("simple", "prepared"):
            rates: dict[tuple[str, str], list[float]] = {each: [] for each in self._chains}
            spent: dict[tuple[str, str], list[float]] = {each: [] for each in self._chains}
            for number in range(rounds):
                # Forwards and backwards: whatever comes later in a round is so in every other.
                for each in sorted(self._chains, reverse=bool(number % 2)):
                    with self._awake(each) as pid:
                        before(self._chains[each].port, ("-S", "-M", mode))
                        started, began = processor_time(pid), time.perf_counter()
                        rate = workload(self._chains[each].port, ("-S", "-M", mode))
                        took = time.perf_counter() - began
                        used = processor_time(pid) - started
                    rates[each].append(rate)
                    spent[each].append(used / (rate * took) * 1e6)
            for sampling in AIMS:
                off, on = (sampling, OFF), (sampling, ON)
                pairs = zip(rates[off], rates[on], strict=True)
                times = zip(spent[off], spent[on], strict=True)
                least, lost, most = statistics.quantiles(
                    [1 - with_it / without for without, with_it in pairs], method="inclusive"
                )
                found[f"{mode}, tracing {sampling}"] = {
                    "lost": lost,
                    "least": least,
                    "most": most,
                    "give": (most - least) * _MEDIAN / math.sqrt(rounds),
                    "more": statistics.median(with_it / without for without, with_it in times) - 1,
                    OFF: statistics.median(spent[off]),
                    ON: statistics.median(spent[on]),
                    "aim": AIMS[sampling],
                }
        self._signal(signal.SIGCONT)
        return found

    def in_bursts(self, database: int, work: bursts.Work) -> Costs:
        """The same in turns before all others: by how much the rate is lower and the
        processor time higher, with the ends of the interval in which each is in 95 of 100 cases.

        ``database`` is the process of the database's server.
        """
        found: Costs = {}
        self._signal(signal.SIGSTOP)
        for sampling in AIMS:
            servers = [self._chains[sampling, state] for state in (OFF, ON)]
            for mode in ("simple", "prepared"):
                rate, spent = bursts.compare(
                    [chain.port for chain in servers],
                    [chain.server.pid for chain in servers if chain.server is not None],
                    (database, self._sink),
                    work,
                    ("-S", "-M", mode),
                    self._wake,
                    self._stop,
                    PAIRS,
                    BURST,
                )
                found[f"{mode}, tracing {sampling}"] = {
                    "lost": 1 - rate.median,
                    "least": 1 - rate.most,
                    "most": 1 - rate.least,
                    "more": spent.median - 1,
                    "least more": spent.least - 1,
                    "most more": spent.most - 1,
                    "aim": AIMS[sampling],
                }
        self._signal(signal.SIGCONT)
        return found

    def answers_before_others(self, database: int, work: bursts.Work) -> Costs:
        """The same as `answers`, before all others, in turns that are so short that no system
        takes a processor away from what has real-time priority."""
        chain = self._chains["1 %", ON]
        assert chain.server is not None
        processes = (chain.server.pid, database, self._sink)
        arguments = ("-S", "-M", "prepared")
        self._signal(signal.SIGSTOP)
        count = bursts.count_of(
            chain.port, processes, work, arguments, self._wake, self._stop, PAGES_BURST
        )
        self._wake(chain.server.pid)
        took: dict[str, list[float]] = {view: [] for view in _VIEWS}
        views = cycle(_VIEWS)
        with ThreadPoolExecutor(1) as pool:
            # Its thread has to be there when the turn begins.
            pool.submit(os.getpid).result()
            while len(took[_VIEWS[-1]]) < _PAGES:
                time.sleep(bursts.PAUSE)
                with bursts.before_others(*processes, os.getpid()):
                    load = pool.submit(work, chain.port, count, arguments)
                    self._ask(chain.server_pages, load, views, took)
        self._signal(signal.SIGCONT)
        return _summed_up(took)

    @staticmethod
    def _stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)

    @staticmethod
    def _wake(pid: int) -> None:
        os.kill(pid, signal.SIGCONT)
        time.sleep(_WAKING)

    @contextmanager
    def _awake(self, each: tuple[str, str]) -> Iterator[int]:
        """Let one server run, and give its process."""
        server = self._chains[each].server
        assert server is not None
        # What has become due meanwhile is done before.
        self._wake(server.pid)
        try:
            yield server.pid
        finally:
            os.kill(server.pid, signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        for chain in self._chains.values():
            assert chain.server is not None
            os.kill(chain.server.pid, number)

    def answers(self, workload: Callable[[int, tuple[str, ...]], float]) -> Costs:
        """Return for each view how many milliseconds its page takes, one page after another, while
        pgbench keeps the server busy: the median, the 99th percentile, and the number of pages."""
        chain = self._chains["1 %", ON]
        took: dict[str, list[float]] = {view: [] for view in _VIEWS}
        views = cycle(_VIEWS)
        with ThreadPoolExecutor(1) as pool:
            while len(took[_VIEWS[-1]]) < _PAGES:
                load = pool.submit(workload, chain.port, ("-S", "-M", "prepared"))
                self._ask(chain.server_pages, load, views, took)
        return _summed_up(took)

    @staticmethod
    def _ask(
        port: int, load: Future[float], views: Iterator[str], took: dict[str, list[float]]
    ) -> None:
        """Ask for one page after another as long as the load lasts."""
        while not load.done():
            view = next(views)
            began = time.perf_counter()
            address = f"http://127.0.0.1:{port}/console/{view}"
            with urllib.request.urlopen(address, timeout=30) as page:
                page.read()
            took[view].append((time.perf_counter() - began) * 1000)
            time.sleep(_PAUSE)
        load.result()


def _summed_up(took: dict[str, list[float]]) -> Costs:
    return {
        view: {
            "pages": len(times),
            "median": statistics.median(times),
            "p99": sorted(times)[-(len(times) // 100) - 1],
        }
        for view, times in took.items()
    }


def _chain(database: int, folder: Path, collector: int, sampling: str, has_console: bool) -> Chain:
    place = Path(tempfile.mkdtemp(dir=folder))
    own: dict[str, dict[str, str]] = {"metrics": {"incoming_connection_zpages_string": ""}}
    if has_console:
        own = {"history": {"trace_store_file": str(place / "server.history")}}
    return Chain(
        ("127.0.0.1", database),
        link="none",
        folder=place,
        keys=Keys(place, "bench client"),
        server={
            "logging": {"v": "false"},
            "tracing": {
                "tracing_sampler": SAMPLERS[sampling],
                "otlp_endpoint": f"http://127.0.0.1:{collector}/v1/traces",
            },
            **own,
        },
        environment={"PYTHONPATH": str(COMPILED)},
    )


def table(costs: Costs) -> str:
    """The measurements as text."""
    lines = ["Console and history on, select-only pgbench through a compiled server"]
    for title, cost in costs.items():
        lines.append(
            f"  {title.ljust(26)}{cost['lost']:6.1%} of the rate (aim {cost['aim']:.0%}:"
            f" {_told(cost)}; half of the rounds {cost['least']:.1%} to"
            f" {cost['most']:.1%}); processor time a transaction"
            f" {cost[OFF]:.1f} us off, {cost[ON]:.1f} on ({cost['more']:+.1%})"
        )
    return "\n".join(lines)


def bursts_table(costs: Costs) -> str:
    """The measurements before all others as text."""
    lines = [
        f"Console and history on, {PAIRS} pairs of turns of {BURST} s before all others"
        " (medians, and their intervals of 95 %)"
    ]
    for title, cost in costs.items():
        if cost["most"] <= cost["aim"]:
            told = "met"
        elif cost["least"] <= cost["aim"]:
            told = "not shown"
        else:
            told = "MISSED"
        lines.append(
            f"  {title.ljust(26)}{cost['lost']:6.1%} of the rate ({cost['least']:.1%} to"
            f" {cost['most']:.1%}; aim {cost['aim']:.0%}: {told}); processor time a transaction"
            f" {cost['more']:+.1%} ({cost['least more']:+.1%} to {cost['most more']:+.1%})"
        )
    return "\n".join(lines)


def pages_table(answers: Costs) -> str:
    """The times of pages as text."""
    lines = [f"Pages of the console under load, milliseconds (aim {PAGE_AIM}, 99 of 100)"]
    for view, times in answers.items():
        lines.append(
            f"  {view.ljust(12)}{times['median']:8.1f} median {times['p99']:8.1f} 99th percentile"
            f" of {times['pages']:.0f}: {_judged(times['p99'] <= PAGE_AIM)}"
        )
    return "\n".join(lines)


def _told(cost: dict[str, float]) -> str:
    """Say if an aim is met, and how sure that is."""
    is_met = cost["lost"] <= cost["aim"]
    near = abs(cost["lost"] - cost["aim"]) < cost["give"]
    noise = ", within the noise" if near else ""
    return f"{_judged(is_met)}{noise}, give or take {cost['give']:.1%}"


def _judged(is_met: bool) -> str:
    return "met" if is_met else "MISSED"
