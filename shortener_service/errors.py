"""What is wrong with a request, all of it at once, and what the store tells by exceptions."""

from common.errors import ClicktrailError, Reason, unavailable

# How often a change is tried that others overtake: each time one of them was made, so many in a row are no accident.
CONTESTED_ATTEMPTS = 20


class StoreRestored(Exception):  # noqa: N818  (named for the situation)
    """The store was emptied and restored since the caller learnt its secret: learn it again, and repeat."""


class UnsuitableStoreError(Exception):
    """The store would lose data as it is set, or is of a release that does not go with this one; says what to do."""


def outbox_full() -> ClicktrailError:
    """Return the error for an outbox at its limit."""
    return unavailable(
        Reason.OUTBOX_FULL, "Too much is waiting to be delivered; nothing more is taken.", retry_after_seconds=5
    )


def store_emptied() -> ClicktrailError:
    """Return the error for a store that was emptied while it was being restored."""
    return unavailable(Reason.STORE_INCOMPLETE, "Redis was emptied again while it was being restored; start anew.")


def store_incomplete() -> ClicktrailError:
    """Return the error for a store that has been emptied: it cannot be told which links there were."""
    return unavailable(Reason.STORE_INCOMPLETE, "The links are being restored; try again.", retry_after_seconds=10)


def contested(what: str) -> ClicktrailError:
    """Return the error for what others changed at every attempt."""
    return unavailable(Reason.CONTESTED, f"{what} is being changed by others at the moment; try again.")
