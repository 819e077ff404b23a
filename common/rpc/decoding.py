"""Bytes that are no message: the caller's fault, which is told to it, and no line in the log."""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from common.errors import ClicktrailError, Fault, FaultType, invalid

Deserialize = Callable[[bytes], Any]


class Unreadable:
    """Stands for a request that is no message."""


UNREADABLE = Unreadable()


def checked(deserialize: Deserialize | None, *, is_stream: bool) -> Deserialize | None:
    """Return what reads a request, or a message of a stream, and lets no error of the parser out.

    gRPC reads the one request of a call where nothing of ours is around it: `refuse_unreadable` refuses what is
    returned then. Messages of streams are read by the servicer: there it raises INVALID.
    """
    if deserialize is None:
        return None

    def read(sent: bytes) -> Any:
        try:
            return deserialize(sent)
        except DecodeError:
            if is_stream:
                raise _unreadable() from None
            return UNREADABLE

    return read


def refuse_unreadable(request: object) -> None:
    """Raise INVALID where a request could not be read."""
    if request is UNREADABLE:
        raise _unreadable()


def _unreadable() -> ClicktrailError:
    return invalid([Fault(FaultType.INVALID, None, "The request is no message of the kind that this call takes.")])
