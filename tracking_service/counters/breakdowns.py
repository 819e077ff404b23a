"""What clicks are broken down by, and how all of it is written as one text."""

import json
from functools import lru_cache
from typing import NamedTuple

VERDICT = "verdict"
_REMEMBERED = 10_000

HUMAN = "human"


class Origin(NamedTuple):
    """What a click came from; link is the template of its link, referrer the host that it was found on."""

    link: str
    device: str
    browser: str
    os: str
    country: str
    language: str
    referrer: str

    def packed(self, verdict: str) -> str:
        """Return verdict and values as one text, a JSON list; the same as `json_build_array` gives in SQL."""
        return _packed(verdict, self)


# The dimensions that a packed text has behind its verdict, in its order.
DIMENSIONS = Origin._fields


@lru_cache(_REMEMBERED)
def _packed(verdict: str, origin: Origin) -> str:
    return json.dumps((verdict, *origin), ensure_ascii=False)


def unpacked(packed: str) -> tuple[str, dict[str, str]]:
    """Return the verdict and the values by dimension that a packed text holds."""
    verdict, *values = json.loads(packed)
    return verdict, dict(zip(DIMENSIONS, values, strict=True))
