"""Knows all names of settings, so that a misspelt one is noticed rather than ignored.

Each process reads its own settings alone, and an environment is often shared by all of them: so the names of all stand
here, in one table. Tests hold it against the settings, the command's options and the compose files.
"""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches

from common.logging import get_logger
from common.settings.texts import FILE, PREFIX, variables

log = get_logger(__name__)

OF_SERVICES = frozenset(
    {"ABUSE_ADDRESS", "CALL_SECONDS", "CONNECTION_AGE_SECONDS", "COUNTRY_DATABASE", "DNS_SERVERS", "DRAIN_SECONDS",
     "ENCRYPTION_KEYS", "EVENT_FLIGHTS_IN_AIR", "FLIGHT_SIZE", "HTTP_LISTEN", "HTTP_WORKERS", "INBOX_RETENTION_DAYS",
     "LINK_CACHE_SIZE", "LOG_FORMAT", "LOG_LEVEL", "OUTBOX_LIMIT", "OUTBOX_SHARDS",
     "POSTGRES_CONNECTIONS", "POSTGRES_OWNER_PASSWORD", "POSTGRES_OWNER_URL", "POSTGRES_PASSWORD", "POSTGRES_URL",
     "PUBLIC_URL", "QUEUE_LIMIT",
     "RATE_LIMITS", "REDIRECT_FLIGHTS_IN_AIR", "REDIRECT_SECONDS", "REDIS_FSYNC", "REDIS_PASSWORD", "REDIS_URL",
     "REFLECTION", "RELAY_CLAIM_SECONDS", "SERVICE_KEYS", "SERVICE_KEYS_DIR", "SESSION_PARAMETERS",
     "SESSION_TTL_SECONDS", "SHORTENER_LISTEN", "SHORTENER_TARGET", "SPOOL_DIR", "SPOOL_LIMIT_BYTES",
     "TEMPLATE_CACHE_SIZE", "TLS_DIR", "TRACKING_LISTEN", "TRACKING_TARGET",
     "TRUSTED_PROXIES"}
)  # fmt: skip
"""The settings of all processes."""
OF_COMMANDS = frozenset({"BUSINESS", "DATA_DIR", "KEY_FILE"})
"""What options of the `clicktrail` command take from the environment and no process reads."""
OF_COMPOSE = frozenset(
    {"HTTPS_BIND", "HTTPS_PORT", "HTTP_BIND", "HTTP_PORT", "IMAGE", "PYTHON_IMAGE", "REGISTRY", "REVISION", "SECRETS",
     "SITE", "VERSION"}
)  # fmt: skip
"""What the compose files alone put in; it never comes from a file."""

# What Kubernetes tells each pod of a Service that is called clicktrail-something, and Docker of a linked container.
_OF_KUBERNETES = re.compile(
    r"(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)", re.ASCII
)
_ADDRESS_OF_KUBERNETES = re.compile(r"(tcp|udp|sctp)://")
# How much of a name must agree for another to be meant, as difflib counts.
_LIKENESS = 0.7


def misspelt(environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable with our prefix that no process, command or compose file knows."""
    taken = OF_SERVICES | OF_COMMANDS
    known = taken | OF_COMPOSE | {name + FILE for name in taken}
    return [
        _sentence(name, known)
        for variable, value in sorted(variables(environment).items())
        if (name := variable.removeprefix(PREFIX)) not in known and not _is_of_kubernetes(name, value)
    ]


def warn_of_misspelt() -> None:
    """Log a warning where the environment has names that nothing knows. No reason to stop: an older version ignores."""
    if sentences := misspelt(os.environ):
        log.warning("the environment has settings that there are not", settings=sentences)


def _is_of_kubernetes(name: str, value: str) -> bool:
    if _OF_KUBERNETES.fullmatch(name):
        return True
    return re.fullmatch(r"(\w+_)?PORT", name) is not None and _ADDRESS_OF_KUBERNETES.match(value) is not None


def _sentence(name: str, known: frozenset[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=_LIKENESS)
    question = f"; did you mean {PREFIX}{near[0]}?" if near else ""
    return f"{PREFIX}{name}: there is no such setting{question}"
