"""What clicks are broken down by, and how all of it is written as one text."""

import json
from functools import lru_cache
from typing import NamedTuple

VERDICT = "verdict"
SOURCE = "source"
LINK, QR = "link", "qr"
"""The values of `SOURCE`: how a link was opened."""
_REMEMBERED = 10_000
# Before the referring host of a scan: so a release that knows of none reads the texts all the same. No host has it.
_SCANNED = "qr+"

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
    is_scan: bool = False

    def packed(self, verdict: str) -> str:
        """Return verdict and values as one text, a JSON list; the same as `json_build_array` gives in SQL.

        Of a scan of a QR code the referring host stands behind "qr+".
        """
        return _packed(verdict, self)


# The dimensions that a packed text has behind its verdict, in its order.
DIMENSIONS = Origin._fields[:-1]


@lru_cache(_REMEMBERED)
def _packed(verdict: str, origin: Origin) -> str:
    *values, referrer, is_scan = origin
    return json.dumps((verdict, *values, f"{_SCANNED * is_scan}{referrer}"), ensure_ascii=False)


def unpacked(packed: str) -> tuple[str, dict[str, str]]:
    """Return the verdict and the values by dimension that a packed text holds; a source is told of scans alone."""
    verdict, *texts = json.loads(packed)
    values = dict(zip(DIMENSIONS, texts, strict=True))
    host = values["referrer"].removeprefix(_SCANNED)
    return verdict, values if host == values["referrer"] else values | {"referrer": host, SOURCE: QR}
