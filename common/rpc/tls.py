"""TLS by files, named as those who renew certificates name them; new ones are taken without a restart."""

from pathlib import Path
from typing import NamedTuple

import grpc

from common.rpc.watched_files import WatchedFiles

CERTIFICATE = "tls.crt"
KEY = "tls.key"
SERVERS_CA = "ca.crt"
CLIENTS_CA = "clients.crt"


class Certificates(NamedTuple):
    """What the files of a folder hold, as PEM; None where there is no such file."""

    certificate: bytes | None
    """Our own, with those that lead to its authority behind it."""
    key: bytes | None
    servers_ca: bytes | None
    """The authorities that servers are trusted by; None: those of the system."""
    clients_ca: bytes | None
    """The authorities that clients must have a certificate of; None: clients need none."""


NOTHING = Certificates(None, None, None, None)


class TlsFolder:
    """The certificates of a folder, as they are now."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / name for name in (CERTIFICATE, KEY, SERVERS_CA, CLIENTS_CA)]
        self._files = WatchedFiles(self._paths, self._read, NOTHING)

    def current(self) -> Certificates:
        """Return them. The same object as long as nothing has changed."""
        return self._files.current()

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """Return what a channel opens connections with: our certificate too, for servers that ask for one."""
        found = self.current()
        return grpc.ssl_channel_credentials(found.servers_ca, found.key, found.certificate)

    def server_credentials(self) -> grpc.ServerCredentials:
        """Return what a server accepts connections with; it looks at the files with each new one.

        Raises `ValueError` where there is no certificate. Whether clients need one is decided here, for good.
        """
        found = self.current()
        if found.certificate is None or found.key is None:
            raise ValueError(f"there is no {CERTIFICATE} with a {KEY} in the folder of CLICKTRAIL_TLS_DIR")
        return grpc.dynamic_ssl_server_credentials(
            _configuration(found), lambda: _configuration(self.current()), found.clients_ca is not None
        )

    def _read(self) -> Certificates:
        found = Certificates(*map(_content, self._paths))
        if (found.certificate is None) != (found.key is None):
            raise ValueError(f"{CERTIFICATE} and {KEY} belong together, and one of them is not there")
        return found


def _configuration(found: Certificates) -> grpc.ServerCertificateConfiguration:
    pair = (found.key or b"", found.certificate or b"")
    return grpc.ssl_server_certificate_configuration([pair], found.clients_ca)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes() or None
    except FileNotFoundError:
        return None
