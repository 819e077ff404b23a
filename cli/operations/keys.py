"""Makes the keys of an installation: a folder for each service with what that one needs, and no more."""

import time
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.embedded.privileges import write_secret
from cli.failures import CommandFailed, ExitCode
from common.rpc.keys import ROLES, hash_line, keys_in, new_key
from common.rpc.watched_files import LOOK_SECONDS
from common.settings.encryption_keys import ENCRYPTION_KEYS, new_encryption_key

# Where the keys themselves are, for whoever gives them to others.
ALL = "all"
# What each service has to send: its own key and, where commands are run, the operator's.
SENT: Mapping[str, frozenset[str]] = {
    "gateway": frozenset({"gateway"}),
    "shortener": frozenset({"shortener"}),
    "tracking": frozenset({"tracking", "operator"}),
}
# Those that are called, and so know the hashes of all other keys.
CALLED = ("shortener", "tracking")


# Who encrypts.
ENCRYPTS = "tracking"


class KeyRole(StrEnum):
    """Whose key it is: one for each role of the protos, and the one that secrets of connections are encrypted by."""

    GATEWAY = "gateway"
    SHORTENER = "shortener"
    TRACKING = "tracking"
    OPERATOR = "operator"
    READER = "reader"
    ENCRYPTION = "encryption"


def keys(
    folder: Annotated[Path, typer.Argument(help="The folder for the folders of the services; made if need be.")],
    *,
    renew: Annotated[
        KeyRole | None,
        typer.Option(
            help="Give this role another key. The one before is accepted until it is renewed again."
            " Of `encryption`, the new one encrypts, and those before go on to decrypt."
        ),
    ] = None,
) -> None:
    """Make the keys that are not there yet, in a folder for each service with what that one needs.

    Every key is in `all`, for whoever gives them to others. A service that is called knows the other keys by their
    hashes alone: whoever takes it over cannot call with them. Running services take new keys by themselves. Safe to
    repeat.
    """
    try:
        _make(folder)
        if renew is KeyRole.ENCRYPTION:
            _write(folder / ALL / ENCRYPTION_KEYS, [new_encryption_key(), *keys_in(folder / ALL / ENCRYPTION_KEYS)])
        elif renew is not None:
            _renew(folder, renew.value)
        _spread(folder)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CommandFailed(f"The keys in {folder} cannot be made: {reason}.", ExitCode.USAGE) from None


def _make(folder: Path) -> None:
    for name in (ALL, *SENT):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    for role in ROLES:
        if not keys_in(_file(folder, ALL, role)):
            _write(_file(folder, ALL, role), [new_key()])
    if not keys_in(folder / ALL / ENCRYPTION_KEYS):
        _write(folder / ALL / ENCRYPTION_KEYS, [new_encryption_key()])


def _renew(folder: Path, role: str) -> None:
    """Have a new key accepted everywhere before anybody sends it."""
    before = keys_in(_file(folder, ALL, role))[0]
    now = new_key()
    for service in CALLED:
        if role not in SENT[service]:
            _write(_file(folder, service, role), [hash_line(now), hash_line(before)])
        elif role != service:
            _write(_file(folder, service, role), [before, now])
    time.sleep(2 * LOOK_SECONDS)
    _write(_file(folder, ALL, role), [now, before])


def _spread(folder: Path) -> None:
    for path, lines in _wanted(folder):
        if keys_in(path) != lines:
            _write(path, lines)


def _wanted(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    yield folder / ENCRYPTS / ENCRYPTION_KEYS, keys_in(folder / ALL / ENCRYPTION_KEYS)
    for service, sent in SENT.items():
        for role in ROLES:
            lines = keys_in(_file(folder, ALL, role))
            if role in sent:
                yield _file(folder, service, role), lines
            elif service in CALLED:
                yield _file(folder, service, role), list(map(hash_line, lines))


def _file(folder: Path, name: str, role: str) -> Path:
    return folder / name / f"{role}.key"


def _write(path: Path, lines: list[str]) -> None:
    write_secret(path, "".join(f"{line}\n" for line in lines))
