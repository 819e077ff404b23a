"""Links: bulk creation against pipelined SETs, and the memory that a link takes."""

import statistics
import time
from typing import Any

import redis

from benchmarks.contenders.chain import Chain
from benchmarks.results import Results, spread

A_PIPELINE = 500
_POLL_SECONDS = 0.2
_DRAIN_SECONDS = 1_800.0


def measure_creation(chain: Chain, rounds: int, count: int, results: Results) -> None:
    """Create so many links a round, then set as many keys to values of as many bytes."""
    ours: list[float] = []
    theirs: list[float] = []
    with redis.Redis.from_url(chain.stack.redis.url) as store:
        for number in range(rounds):
            begun = time.perf_counter()
            chain.make_links(f"bulk-{number}", count)
            ours.append(count / (time.perf_counter() - begun))
            drain(store)
            theirs.append(count / _set_all(store, count, _bytes_of_a_link(store)))
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    results.figures["bulk_links_vs_set"] = statistics.median(ratios)
    results.detail["bulk_links_vs_set"] = {
        "ours_per_s": spread(ours),
        "sets_per_s": spread(theirs),
        "ratio": spread(ratios),
    }


def measure_memory(chain: Chain, count: int, results: Results) -> None:
    """Create so many links of one template, and divide what Redis has taken for them."""
    with redis.Redis.from_url(chain.stack.redis.url) as store:
        drain(store)
        before = _used(store)
        chain.make_links("memory", count)
        drain(store)
        results.figures["bytes_per_link"] = (_used(store) - before) / count
        results.detail["bytes_per_link"] = {"links": count}


def drain(store: "redis.Redis") -> None:
    """Wait until nothing waits for delivery."""
    until = time.monotonic() + _DRAIN_SECONDS
    outboxes = list(store.scan_iter(match="*:outbox", count=10_000))
    while any(store.xlen(outbox) for outbox in outboxes) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)


def _used(store: "redis.Redis") -> int:
    info: Any = store.info("memory")
    return int(info["used_memory"])


def _bytes_of_a_link(store: "redis.Redis") -> bytes:
    """Return the bytes of a link's field and record."""
    for key in store.scan_iter(match="*:l:*", count=1_000):
        fields: Any = store.hgetall(key)
        for field, record in fields.items():
            return bytes(field + record)
    raise RuntimeError("There is no link.")


def _set_all(store: "redis.Redis", count: int, value: bytes) -> float:
    begun = time.perf_counter()
    for start in range(0, count, A_PIPELINE):
        with store.pipeline(transaction=False) as pipeline:
            for number in range(start, min(count, start + A_PIPELINE)):
                pipeline.set(f"plain:{number}", value)
            pipeline.execute()
    taken = time.perf_counter() - begun
    for start in range(0, count, A_PIPELINE):
        store.delete(*(f"plain:{number}" for number in range(start, min(count, start + A_PIPELINE))))
    return taken
