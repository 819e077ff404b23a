"""Takes apart where Redis is: one server, or several nodes of a cluster in one address."""

import re
from urllib.parse import parse_qsl, urlsplit

OPTIONS = frozenset({"db", "username", "password"}) | {
    f"ssl_{name}"
    for name in ("keyfile", "certfile", "password", "cert_reqs", "ca_certs", "ca_path", "check_hostname", "ciphers")
}
"""What may stand in an address's query; our connections know nothing else."""
NOT_SENTINEL = (
    "leads to Redis Sentinel, which is not supported: name one server by an address that stays (a proxy or a name that"
    " follows the master), or the nodes of a Redis Cluster"
)
"""Why an address of a sentinel is refused, behind the name of the setting."""

_PARTS = re.compile(r"(?P<scheme>rediss?)://(?P<credentials>[^/?#]*@)?(?P<hosts>[^/?#]*)(?P<rest>.*)", re.DOTALL)


def addresses_in(url: str) -> list[str]:
    """Return an address for each host that is named: `redis://a:1,b:2/0` names two."""
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return [url]
    credentials = parts["credentials"] or ""
    return [f"{parts['scheme']}://{credentials}{host}{parts['rest']}" for host in parts["hosts"].split(",")]


def is_of_sentinel(url: str) -> bool:
    """Tell whether an address names sentinels by its scheme, as some clients have it."""
    return "sentinel" in url.partition("://")[0].lower().split("+")


def unknown_options(address: str) -> list[str]:
    """Return the names in an address's query that mean nothing here."""
    return [name for name, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True) if name not in OPTIONS]
