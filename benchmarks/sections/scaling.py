"""Scaling: one worker of each service on one processor against two of each on two, in turns.

Whoever makes the load takes a part of the second processor from the two: they bring a little more than is shown.
"""

import os
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.contenders.chain import Chain, Clicktrail
from benchmarks.contenders.contender import Missing
from benchmarks.contenders.processes import frozen, pin
from benchmarks.loads.load import Generate
from benchmarks.results import Results, spread
from benchmarks.sections.redirects import take_turn
from cli.embedded.server_process import ServerProcess
from cli.terminal import console


def measure_scaling(chain: Chain, generate: Generate, rounds: int, results: Results) -> None:
    """Let both have their turns, stores and all on the same processors."""
    processors = sorted(os.sched_getaffinity(0))[:2]
    if len(processors) < 2:  # noqa: PLR2004  (two)
        raise Missing("one processor shows nothing of several workers")
    with _second_of_each(chain) as (gateway, second):
        all_processes = [server.pid for server in chain.stack.servers] + [gateway.pid, *second]
        turns = {
            "one worker of each, one processor": (chain.stack.gateway, processors[:1], second),
            "two workers of each, two processors": (gateway, processors, []),
        }
        rates: dict[str, list[float]] = {name: [] for name in turns}
        try:
            for number in range(rounds + 1):
                for name, (front, own, idle) in turns.items():
                    pin(all_processes, own)
                    with ExitStack() as resting:
                        for process in idle:
                            resting.enter_context(frozen(process))
                        turn = take_turn(Clicktrail(chain, name, front), generate)
                    console.print(f"[dim]round {number}, {name}: {turn.redirects:,.0f} redirects/s[/dim]")
                    if number:
                        rates[name].append(turn.redirects)
        finally:
            pin(all_processes, os.sched_getaffinity(0))
    ones, twos = rates.values()
    results.figures["two_workers_vs_one"] = statistics.median(two / one for one, two in zip(ones, twos, strict=True))
    results.detail["redirects/s by workers"] = {name: spread(found) for name, found in rates.items()}


@contextmanager
def _second_of_each(chain: Chain) -> Iterator[tuple[ServerProcess, list[int]]]:
    """Start a second tracking and shortener, and a gateway of two workers; yield that, and the other two."""
    stack = chain.stack
    with ExitStack() as started:

        def start(module: str, **settings: str) -> ServerProcess:
            server = stack.another(module, f"another_{module}", settings)
            started.callback(server.stop)
            server.start()
            return server

        tracking = start("tracking_service")
        shortener = start("shortener_service", TRACKING_TARGET=f"ipv4:{tracking.url}")
        gateway = start(
            "gateway",
            HTTP_WORKERS="2",
            SHORTENER_TARGET=f"ipv4:{stack.shortener.url},{shortener.url}",
            TRACKING_TARGET=f"ipv4:{stack.tracking.url},{tracking.url}",
        )
        yield gateway, [tracking.pid, shortener.pid]
