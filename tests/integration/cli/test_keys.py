"""The command that makes service keys: for each service what it needs, and another key without a moment without one."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.data_directory import DataDirectory
from cli.operations.keys import KeyRole
from clicktrail.common.v1.access_pb2 import (
    ROLE_GATEWAY,
    ROLE_OPERATOR,
    ROLE_READER,
    ROLE_SHORTENER,
    ROLE_TRACKING,
    Role,
)
from common.rpc.keys import ROLES, AcceptedKeys, OwnKey, file_of, keys_in
from tracking_service.key_ring import KeyRing, UnreadableSecret

EVERYBODY = (ROLE_GATEWAY, ROLE_SHORTENER, ROLE_TRACKING, ROLE_OPERATOR, ROLE_READER)


def make(folder: Path, *options: str, code: int = 0) -> str:
    """Run the command; return what it says."""
    command = [sys.executable, "-m", "cli", "keys", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (our own command)
    assert done.returncode == code, done.stderr
    return done.stderr


def test_each_service_gets_what_it_needs(tmp_path: Path) -> None:
    """Its own key to send, those of others as hashes, and nothing where nobody calls; no other user reads them."""
    make(tmp_path)
    for service, sent in (("gateway", {ROLE_GATEWAY}), ("shortener", {ROLE_SHORTENER}),
                          ("tracking", {ROLE_TRACKING, ROLE_OPERATOR})):  # fmt: skip
        assert {role for role in EVERYBODY if OwnKey(tmp_path / service, role)()} == sent
        accepted = AcceptedKeys(tmp_path / service)
        known = {accepted.role_of(key_of(tmp_path, role)) for role in EVERYBODY} - {None}
        assert known == ({ROLE_GATEWAY} if service == "gateway" else set(EVERYBODY))
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def key_of(folder: Path, role: "Role.ValueType") -> str:
    """Return the key of a role."""
    key = OwnKey(folder / "all", role)()
    assert key is not None
    return key


def test_every_role_has_a_key_that_can_be_renewed() -> None:
    """The command knows the roles of the protos."""
    assert set(KeyRole) == {*ROLES, "encryption"}


def test_keys_that_are_there_stay(tmp_path: Path) -> None:
    """Also one that an operator has put there."""
    make(tmp_path)
    before = {path: path.read_text() for path in tmp_path.rglob("*.key")}
    make(tmp_path)
    assert {path: path.read_text() for path in tmp_path.rglob("*.key")} == before
    mine = "a-key-of-my-own-of-32-characters-or-more"
    file_of(tmp_path / "all", ROLE_READER).write_text(mine)
    make(tmp_path)
    assert AcceptedKeys(tmp_path / "tracking").role_of(mine) == ROLE_READER


@pytest.mark.parametrize("role", [ROLE_GATEWAY, ROLE_OPERATOR, ROLE_TRACKING])
def test_a_renewed_key_is_accepted_beside_the_one_before(tmp_path: Path, role: "Role.ValueType") -> None:
    """Until it is renewed again: what has leaked is of no more use then."""
    name = Role.Name(role).removeprefix("ROLE_").lower()
    make(tmp_path)
    keys = [key_of(tmp_path, role)]
    for _ in range(2):
        make(tmp_path, "--renew", name)
        keys.append(key_of(tmp_path, role))
    assert len(set(keys)) == 3
    accepted = AcceptedKeys(tmp_path / "shortener")
    assert [accepted.role_of(key) for key in keys] == [None, role, role]
    assert keys_in(file_of(tmp_path / "all", role)) == [keys[2], keys[1]]


def test_a_folder_that_cannot_be_made_is_a_wrong_command(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "file").touch()
    assert "cannot be made" in make(tmp_path / "file", code=2)


def test_a_role_that_there_is_not_is_a_wrong_command(tmp_path: Path) -> None:
    """The roles are named."""
    assert "operator" in make(tmp_path, "--renew", "nobody", code=2)


def test_secrets_are_encrypted_by_a_new_key_and_decrypted_by_those_before(tmp_path: Path) -> None:
    """Tracking alone has them."""
    make(tmp_path)
    before = KeyRing((tmp_path / "tracking" / "encryption.keys").read_text())
    kept = before.encrypt("a secret")
    make(tmp_path, "--renew", "encryption")
    after = KeyRing((tmp_path / "tracking" / "encryption.keys").read_text())
    assert after.decrypt(kept) == "a secret"
    with pytest.raises(UnreadableSecret):
        before.decrypt(after.encrypt("a secret"))
    make(tmp_path)
    assert after.decrypt(KeyRing((tmp_path / "tracking" / "encryption.keys").read_text()).encrypt("x")) == "x"
    assert {path.parent.name for path in tmp_path.rglob("encryption.keys")} == {"all", "tracking"}


def test_a_data_directory_has_a_key_that_encrypts(tmp_path: Path) -> None:
    """For our user alone; one that is there stays, as what it has encrypted does."""
    data = DataDirectory(tmp_path / "data")
    data.make()
    made = data.encryption_keys.read_text()
    assert KeyRing(made).has_keys
    assert data.encryption_keys.stat().st_mode & 0o777 == 0o600
    data.make()
    assert data.encryption_keys.read_text() == made
