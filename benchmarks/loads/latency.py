"""Times single redirects of a system that has nothing else to do."""

import http.client
import time
from collections.abc import Sequence
from itertools import cycle, islice
from urllib.parse import urlsplit

from benchmarks.loads.load import REDIRECT, USER_AGENT

REQUESTS = 200
_WARM_UP = 50


def idle_latencies(url: str, paths: Sequence[str], pause_seconds: float) -> list[float]:
    """Return the seconds that each of 200 redirects took, over one connection, with a pause after each.

    Without a pause the processors stay awake, and the relay works beside the next redirect; with one, all sleep.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    taken: list[float] = []
    for path in islice(cycle(paths), _WARM_UP + REQUESTS):
        begun = time.perf_counter()
        connection.request("GET", path, headers={"User-Agent": USER_AGENT})
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - begun)
        if answer.status != REDIRECT:
            raise RuntimeError(f"{url}{path} answered {answer.status}.")
        time.sleep(pause_seconds)
    connection.close()
    return taken[_WARM_UP:]
