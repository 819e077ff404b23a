"""Files of service keys: what is sent, what is accepted, and how both are replaced."""

from pathlib import Path

import pytest

from clicktrail.common.v1.access_pb2 import ROLE_GATEWAY, ROLE_OPERATOR
from common.rpc.keys import AcceptedKeys, OwnKey, file_of, hash_line, key_to_send, keys_in, new_key
from common.rpc.watched_files import WatchedFiles


def test_keys_are_of_256_random_bits() -> None:
    """Each is another one, and fit for a file."""
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {43}


def test_every_line_is_accepted_and_the_first_is_sent(tmp_path: Path) -> None:
    """So that a key is replaced by writing the new one below, then above, then alone."""
    old, new = new_key(), new_key()
    file_of(tmp_path, ROLE_GATEWAY).write_text(f"# of this year\n{new}\n\n  {old}\n")
    accepted = AcceptedKeys(tmp_path)
    assert OwnKey(tmp_path, ROLE_GATEWAY)() == new
    assert {accepted.role_of(new), accepted.role_of(old)} == {ROLE_GATEWAY}
    assert accepted.role_of(new_key()) is None


def test_a_hash_is_enough_to_accept_a_key_and_is_never_sent(tmp_path: Path) -> None:
    """Whoever takes over a service does not get the keys of those who call it."""
    key = new_key()
    file = file_of(tmp_path, ROLE_OPERATOR)
    file.write_text(hash_line(key))
    accepted = AcceptedKeys(tmp_path)
    assert accepted.role_of(key) == ROLE_OPERATOR
    assert accepted.role_of(hash_line(key)) is None
    assert key_to_send(file) is None
    assert OwnKey(tmp_path, ROLE_OPERATOR)() is None


def test_a_key_of_two_roles_is_nobodys(tmp_path: Path) -> None:
    """Which of them calls could not be told."""
    key = new_key()
    for role in (ROLE_GATEWAY, ROLE_OPERATOR):
        file_of(tmp_path, role).write_text(key)
    assert AcceptedKeys(tmp_path).role_of(key) is None


def test_without_files_there_are_no_keys(tmp_path: Path) -> None:
    """Neither to send nor to accept."""
    assert OwnKey(tmp_path, ROLE_GATEWAY)() is None
    assert AcceptedKeys(tmp_path).role_of("") is None


@pytest.mark.parametrize("line", ["short", "with a space in the midst of it, and long", "ü" * 40, "a" * 513])
def test_a_line_that_is_no_key_is_not_shown(tmp_path: Path, line: str) -> None:
    """The file is named, which is no secret."""
    file = tmp_path / "gateway.key"
    file.write_text(f"{new_key()}\n{line}\n")
    with pytest.raises(ValueError, match=r"gateway\.key has a line that is no key") as caught:
        keys_in(file)
    assert line not in str(caught.value)


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    """After a second at most; what cannot be read leaves what was there."""
    clock, file, reads = Clock(), tmp_path / "file", list[str]()

    def read() -> str:
        text = file.read_text()
        reads.append(text)
        if text == "broken":
            raise ValueError("is broken")
        return text

    watched = WatchedFiles([file], read, "nothing", clock)
    assert watched.current() == "nothing"
    file.write_text("first")
    assert watched.current() == "nothing"
    for now, content in ((1.0, "first"), (2.0, "second"), (3.0, "broken"), (4.0, "third, and longer")):
        clock.now = now
        other = tmp_path / "other"
        other.write_text(content)
        other.replace(file)
        assert watched.current() == ("second" if content == "broken" else content)
        assert watched.current() is watched.current()
    clock.now = 5.0
    file.unlink()
    assert watched.current() == "third, and longer"
    assert reads == ["first", "second", "broken", "third, and longer"]
