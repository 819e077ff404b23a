"""Finds the services and the business that a command is for: options, the environment, or a running stack."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from cli.data_directory import DataDirectory
from cli.failures import CommandFailed, ExitCode
from clicktrail.common.v1.access_pb2 import ROLE_OPERATOR
from common.rpc.keys import file_of, key_to_send
from common.rpc.security import OPEN, Security
from common.rpc.tls import TlsFolder
from common.settings.texts import UnfitTextError, text_of

DEFAULT_SHORTENER = "127.0.0.1:7001"
DEFAULT_TRACKING = "127.0.0.1:7002"

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="CLICKTRAIL_DATA_DIR",
        help="Take addresses, business and key from the stack that `clicktrail up` runs on this directory.",
        show_default=False,
    ),
]
Business = Annotated[
    str | None,
    typer.Option(
        "--business", envvar="CLICKTRAIL_BUSINESS", help="The business's public id.", metavar="ID", show_default=False
    ),
]
Shortener = Annotated[
    str | None,
    typer.Option(
        "--shortener",
        envvar="CLICKTRAIL_SHORTENER_TARGET",
        help="The shortener's gRPC address.",
        metavar="HOST:PORT",
        show_default=DEFAULT_SHORTENER,
    ),
]
Tracking = Annotated[
    str | None,
    typer.Option(
        "--tracking",
        envvar="CLICKTRAIL_TRACKING_TARGET",
        help="The tracking service's gRPC address.",
        metavar="HOST:PORT",
        show_default=DEFAULT_TRACKING,
    ),
]


KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        envvar="CLICKTRAIL_KEY_FILE",
        help="A file with the service key, or a business's private token, that the services are called with.",
        show_default="the operator's, of a running stack or in CLICKTRAIL_SERVICE_KEYS_DIR",
    ),
]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A service as commands call it: its gRPC address, and what calls carry. Its text is the address."""

    address: str
    security: Security = field(default=OPEN, repr=False)

    def __str__(self) -> str:
        return self.address


def shortener_endpoint(given: str | None, data_dir: Path | None, key_file: Path | None) -> Endpoint:
    """Return the shortener: at the address given, the running stack's, or the default."""
    if not given:
        given = DataDirectory(data_dir).read_ready().shortener if data_dir else DEFAULT_SHORTENER
    return Endpoint(given, _security(data_dir, key_file))


def tracking_endpoint(given: str | None, data_dir: Path | None, key_file: Path | None) -> Endpoint:
    """Return the tracking service: at the address given, the running stack's, or the default."""
    if not given:
        given = DataDirectory(data_dir).read_ready().tracking if data_dir else DEFAULT_TRACKING
    return Endpoint(given, _security(data_dir, key_file))


def security_with(key_file: Path) -> Security:
    """Return what calls with the key in a file; raise `CommandFailed` where there is no fit one."""
    return Security(key=_key_in(key_file).__str__, tls=_tls())


def business_id(given: str | None, data_dir: Path | None) -> str:
    """Return the business: the one given, or the running stack's demo business."""
    if given:
        return given
    if data_dir:
        return DataDirectory(data_dir).read_ready().business
    raise CommandFailed(
        "Name the business with --business ID, or the directory of a running stack with --data-dir.", ExitCode.USAGE
    )


def _security(data_dir: Path | None, key_file: Path | None) -> Security:
    """Return what commands call with: the key that is named, or the operator's where one lies in its usual places."""
    if key_file is not None:
        return security_with(key_file)
    usual = [
        folder for folder in (DataDirectory(data_dir).keys if data_dir else None, _folder("SERVICE_KEYS_DIR")) if folder
    ]
    found = next((path for folder in usual if (path := file_of(folder, ROLE_OPERATOR)).exists()), None)
    return Security(tls=_tls()) if found is None else security_with(found)


def _key_in(path: Path) -> str:
    try:
        key = key_to_send(path)
    except OSError as error:
        raise CommandFailed(f"The key file {path} cannot be read: {error.strerror}.", ExitCode.USAGE) from None
    except ValueError as error:
        raise CommandFailed(f"{error}.", ExitCode.USAGE) from None
    if key is None:
        raise CommandFailed(f"There is no key in {path}.", ExitCode.USAGE)
    return key


def _tls() -> TlsFolder | None:
    folder = _folder("TLS_DIR")
    return TlsFolder(folder) if folder else None


def _folder(setting: str) -> Path | None:
    try:
        text = text_of(setting)
    except UnfitTextError as error:
        raise CommandFailed(f"CLICKTRAIL_{setting}: {error}.", ExitCode.USAGE) from None
    return Path(text) if text else None
