"""Times single redirects of a system that has nothing else to do."""

import http.client
import time
from collections.abc import Sequence
from itertools import cycle, islice
from urllib.parse import urlsplit

from benchmarks.load import REDIRECT, USER_AGENT

REQUESTS = 400
_WARM_UP = 50
_PAUSE_SECONDS = 0.005


def idle_latencies(url: str, paths: Sequence[str]) -> list[float]:
    """Return the seconds that each of 400 redirects took, one after the other over one connection."""
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
        time.sleep(_PAUSE_SECONDS)
    connection.close()
    return taken[_WARM_UP:]
