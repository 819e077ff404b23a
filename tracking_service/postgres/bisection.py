"""Finds what cannot be stored among what can: halves a batch that is refused until those at fault are alone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from common.logging import get_logger

log = get_logger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")

# A partition that is made at this very moment refuses a row once: what is refused alone is tried once more.
TRIES_ALONE = 2


class ContentRefused(Exception):  # noqa: N818  (named for the situation)
    """The store refuses something for what it holds, and would refuse it again; says why, for an operator."""


async def store_each(
    items: Sequence[Item],
    store: Callable[[Sequence[Item]], Awaitable[Result]],
    set_aside: Callable[[Item, str], Awaitable[Result]],
) -> list[Result]:
    """Store items together, and return the results of the pieces, in order.

    `store` keeps all of a piece or nothing of it. Where it raises `ContentRefused`, the piece is halved; an item that
    is refused alone is set aside with the reason. Anything else that is raised ends it: no item is at fault then.
    """
    try:
        return [await store(items)]
    except ContentRefused as refusal:
        if len(items) > 1:
            middle = len(items) // 2
            first = await store_each(items[:middle], store, set_aside)
            return first + await store_each(items[middle:], store, set_aside)
        reason = str(refusal)
    for _ in range(TRIES_ALONE - 1):
        try:
            return [await store(items)]
        except ContentRefused as refusal:
            reason = str(refusal)
    log.error("something cannot be stored and is set aside", reason=reason)
    return [await set_aside(items[0], reason)]
