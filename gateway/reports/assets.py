"""The style sheet and the script of report pages, under addresses that change with what they hold."""

from functools import cache
from hashlib import sha256

from gateway.http.exchange import Answer
from gateway.templating import FOLDER

KEPT_SECONDS = 31_536_000

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


def _assets() -> dict[str, tuple[str, Answer]]:
    """Return each asset's address and answer, by its type."""
    found = {}
    for kind, content_type in _TYPES.items():
        body = (FOLDER / f"report.{kind}").read_bytes()
        path = f"/reports/assets/{sha256(body).hexdigest()[:16]}.{kind}"
        headers = {"cache-control": f"public, max-age={KEPT_SECONDS}, immutable"}
        found[kind] = (path, Answer(200, body, headers, content_type))
    return found


_ALL = _assets()
ASSETS = dict(_ALL.values())
"""What is served, by path."""


@cache
def addresses() -> dict[str, str]:
    """Return the path of each asset, by its type."""
    return {kind: path for kind, (path, _) in _ALL.items()}
