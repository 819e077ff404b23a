"""What a process shows when it calls, and what it asks of those who call it: by keys and by certificates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.rpc.access import BusinessOf
from common.rpc.keys import AcceptedKeys, OwnKey
from common.rpc.tls import TlsFolder

if TYPE_CHECKING:
    from clicktrail.common.v1.access_pb2 import Role
    from common.settings.settings import ServiceSettings, Settings


@dataclass(frozen=True, slots=True)
class Security:
    """Keys and certificates of a process."""

    key: Callable[[], str | None] | None = None
    """Returns what is sent with calls; None: nothing is."""
    tls: TlsFolder | None = None
    """The certificates of connections; None: they are not encrypted."""
    accepted: AcceptedKeys | None = None
    """The keys that open our own calls."""
    business_of: BusinessOf | None = None
    """Tells whose private tokens are, which open calls for their business; None: they open nothing."""
    is_required: bool = False
    """Whether calls without a credential are refused."""
    has_reflection: bool = True
    """Whether whoever asks is told which calls there are."""


OPEN = Security()
"""Neither keys nor certificates."""


def caller_security(settings: "Settings", role: "Role.ValueType") -> Security:
    """Return the keys and certificates of a process of a role that only calls others."""
    folder = settings.service_keys_dir
    return Security(key=OwnKey(folder, role) if folder else None, tls=_tls(settings))


def service_security(settings: "ServiceSettings", role: "Role.ValueType") -> Security:
    """Return the keys and certificates of a service of a role."""
    folder = settings.service_keys_dir
    is_required = settings.service_keys == "require"
    return Security(
        key=OwnKey(folder, role) if folder else None,
        tls=_tls(settings),
        accepted=AcceptedKeys(folder) if folder else None,
        is_required=is_required,
        has_reflection=not is_required if settings.reflection is None else settings.reflection,
    )


def _tls(settings: "Settings") -> TlsFolder | None:
    return TlsFolder(settings.tls_dir) if settings.tls_dir else None
