"""Takes apart where Redis is: one server, or several nodes of a cluster in one address."""

import re

_PARTS = re.compile(r"(?P<scheme>rediss?)://(?P<credentials>[^/?#]*@)?(?P<hosts>[^/?#]*)(?P<rest>.*)", re.DOTALL)


def addresses_in(url: str) -> list[str]:
    """Return an address for each host that is named: `redis://a:1,b:2/0` names two."""
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return [url]
    credentials = parts["credentials"] or ""
    return [f"{parts['scheme']}://{credentials}{host}{parts['rest']}" for host in parts["hosts"].split(",")]
