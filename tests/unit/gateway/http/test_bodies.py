"""Bodies that are long, slow or never end."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from common.json_text import JsonTextError
from gateway.http import bodies
from gateway.http.asgi import Message
from gateway.http.bodies import Body, Limit, members_of, plain
from gateway.http.errors import RefusedError


class Sender:
    """Sends these chunks, then hangs up or falls silent."""

    def __init__(self, *chunks: bytes, then: str = "end") -> None:
        self.asked = 0
        self.taken = 0
        self._messages = self._all(chunks, then)
        self._then = then

    async def __call__(self) -> Message:
        """Send the next one."""
        self.asked += 1
        message = next(self._messages, None)
        if message is None:
            await asyncio.Event().wait()
            raise AssertionError
        self.taken += 1
        return message

    def _all(self, chunks: tuple[bytes, ...], then: str) -> Iterator[Message]:
        for index, chunk in enumerate(chunks):
            is_last = index == len(chunks) - 1 and then == "end"
            yield {"type": "http.request", "body": chunk, "more_body": not is_last}
        if then == "hang up":
            yield {"type": "http.disconnect"}


def status_of(refused: "pytest.ExceptionInfo[Any]") -> int:
    """Return the status of a refusal."""
    status: int = refused.value.problem.status
    return status


async def test_a_body_is_read_to_its_end() -> None:
    """Chunk by chunk; nothing is asked for behind it."""
    sender = Sender(b"ab", b"c")
    body = Body(sender)
    assert await body.read(Limit(3, 1)) == b"abc"
    await body.discard()
    assert sender.taken == 2


async def test_what_is_beyond_the_limit_is_read_and_discarded() -> None:
    """So that the sender hears the answer."""
    sender = Sender(b"a" * 10, b"b" * 10, b"c")
    with pytest.raises(RefusedError) as refused:
        await Body(sender).read(Limit(5, 1))
    assert status_of(refused) == 413
    assert sender.taken == 3


async def test_not_even_discarding_goes_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the second limit nothing more is read."""
    monkeypatch.setattr(bodies, "DISCARDED_BYTES", 25)
    sender = Sender(*[b"a" * 10] * 100)
    with pytest.raises(RefusedError) as refused:
        await Body(sender).read(Limit(5, 1))
    assert status_of(refused) == 413
    assert sender.taken == 3


@pytest.mark.parametrize("chunk", [b"a", b"a" * 10])
async def test_a_body_is_waited_for_once(monkeypatch: pytest.MonkeyPatch, chunk: bytes) -> None:
    """Neither a sender that was too slow nor one that does not end is read from again."""
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(bodies, "DISCARDED_BYTES", 25)
    sender = Sender(*[chunk] * 4, then="silence")
    body = Body(sender)
    with pytest.raises(RefusedError):
        await body.read(Limit(5, 1))
    asked = sender.asked
    await body.discard()
    assert sender.asked == asked


@pytest.mark.parametrize("then", ["hang up", "silence"])
async def test_a_body_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """Whether its sender hangs up or falls silent."""
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    with pytest.raises(RefusedError) as refused:
        await Body(Sender(b"a", then=then)).read(Limit(5, 1))
    assert status_of(refused) == 400
    await Body(Sender(b"a", then=then)).discard()


@pytest.mark.parametrize(("size", "status"), [(100, None), (101, 413)])
def test_the_limit_is_for_what_comes_out(size: int, status: int | None) -> None:
    """Of a zipped body."""
    zipped = gzip.compress(b"a" * size)
    if status is None:
        assert plain(zipped, {"content-encoding": "gzip"}, Limit(100, 1)) == b"a" * size
        return
    with pytest.raises(RefusedError) as refused:
        plain(zipped, {"content-encoding": "gzip"}, Limit(100, 1))
    assert status_of(refused) == status


@pytest.mark.parametrize(("size", "is_taken"), [(64 * 1024, True), (200_000, False)])
def test_what_comes_out_is_in_proportion(size: int, is_taken: bool) -> None:  # noqa: FBT001  (a parameter)
    """Beyond what a single event may be: kilobytes that become megabytes cost their sender nothing."""
    zipped = gzip.compress(b"a" * size)
    limit = Limit(1_000_000, 1)
    if is_taken:
        assert len(plain(zipped, {"content-encoding": "gzip"}, limit)) == size
        return
    with pytest.raises(RefusedError) as refused:
        plain(zipped, {"content-encoding": "gzip"}, limit)
    assert status_of(refused) == 413


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":[' + b",".join([b"1"] * 30) + b"]}",
        b'{"a":[' + b",".join([b"{}"] * 15) + b"]}",
        b'{"a":[' + b",".join([b"[[]]"] * 10) + b"]}",
        b"{" + b",".join(b'"%d":1' % number for number in range(20)) + b"}",
    ],
)
def test_values_are_counted_before_they_are_made(body: bytes) -> None:
    """Each of them, names of members too, takes many times its text."""
    with pytest.raises(RefusedError) as refused:
        members_of(body, Limit(1_000, 30))
    assert status_of(refused) == 413
    assert members_of(body, Limit(1_000, 50))


def test_what_stands_in_a_text_is_no_value() -> None:
    """However often it looks like one, and whatever is escaped in it."""
    members = {"a": "," * 50, 'b",:': '[{\\",' * 20}
    assert members_of(json.dumps(members).encode(), Limit(1_000, 8)) == members


def test_texts_that_do_not_end_are_passed_over_once() -> None:
    """Not once from each of their quotes: that took hours."""
    with pytest.raises(JsonTextError):
        members_of(b"," * 29 + b'"," ' * 29 + b'"' + b'\\"' * 500_000, Limit(2_000_000, 30))


async def test_room_is_taken_as_bytes_come() -> None:
    """A promise of a large body takes none; what comes out of a compressed one does once it is whole."""
    taken: list[int] = []

    def hold(size: int) -> bool:
        taken.append(size)
        return True

    with pytest.raises(RefusedError):
        await Body(Sender(b"abc", then="hang up"), hold, is_compressed=True).read(bodies.LINKS)
    assert taken == [3]
    await Body(Sender(b"abc", b"d"), hold, is_compressed=True).read(bodies.LINKS)
    assert taken == [3, 3, 1, 64 * 1024]
