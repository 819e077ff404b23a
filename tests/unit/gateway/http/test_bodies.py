"""Bodies that are long, slow or never end."""

import asyncio
import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.http import bodies
from gateway.http.asgi import Message
from gateway.http.bodies import Body, plain
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
    assert await body.read(3) == b"abc"
    await body.discard()
    assert sender.taken == 2


async def test_what_is_beyond_the_limit_is_read_and_discarded() -> None:
    """So that the sender hears the answer."""
    sender = Sender(b"a" * 10, b"b" * 10, b"c")
    with pytest.raises(RefusedError) as refused:
        await Body(sender).read(5)
    assert status_of(refused) == 413
    assert sender.taken == 3


async def test_not_even_discarding_goes_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the second limit nothing more is read."""
    monkeypatch.setattr(bodies, "DISCARDED_BYTES", 25)
    sender = Sender(*[b"a" * 10] * 100)
    with pytest.raises(RefusedError) as refused:
        await Body(sender).read(5)
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
        await body.read(5)
    asked = sender.asked
    await body.discard()
    assert sender.asked == asked


@pytest.mark.parametrize("then", ["hang up", "silence"])
async def test_a_body_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """Whether its sender hangs up or falls silent."""
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    with pytest.raises(RefusedError) as refused:
        await Body(Sender(b"a", then=then)).read(5)
    assert status_of(refused) == 400
    await Body(Sender(b"a", then=then)).discard()


@pytest.mark.parametrize(("size", "status"), [(100, None), (101, 413)])
def test_the_limit_is_for_what_comes_out(size: int, status: int | None) -> None:
    """Of a zipped body."""
    zipped = gzip.compress(b"a" * size)
    if status is None:
        assert plain(zipped, {"content-encoding": "gzip"}, 100) == b"a" * size
        return
    with pytest.raises(RefusedError) as refused:
        plain(zipped, {"content-encoding": "gzip"}, 100)
    assert status_of(refused) == status
