"""Erasing people: the use case, and what goes on behind it until nothing is left."""

import asyncio

from common.backoff import woken_or_after
from common.errors import ClicktrailError, Kind
from common.logging import get_logger
from common.rare_warnings import RareWarning
from tracking_service.erasure.store import NamedPerson, PostgresErasure
from tracking_service.shortener_client import ShortenerLinks

log = get_logger(__name__)

# A call waits so long for the rows of its person; what it does not see done goes on without it.
CALL_SECONDS = 3.0
POLL_SECONDS = 5.0
ERASURES = 20


class Erasures:
    """Erases people."""

    def __init__(self, store: PostgresErasure, woken: asyncio.Event) -> None:
        self._store = store
        self._woken = woken

    async def erase(self, business_id: str, profile_id: str) -> None:
        """Erase a person: unknown from now on, and soon named by no row. Raises `PROFILE_UNKNOWN`."""
        erasure = await self._store.erase(business_id, profile_id)
        try:
            if erasure is not None:
                async with asyncio.timeout(CALL_SECONDS):
                    await self._store.clear(erasure)
        except (ClicktrailError, TimeoutError):
            # The erasure itself is durable.
            log.info("an erasure goes on behind its call")
        finally:
            self._woken.set()

    async def forget(self, business_id: str, person: NamedPerson) -> bool:
        """Erase somebody as a system names them, and tell whether they were known.

        What platforms sent of them is emptied in any case: nobody has to be known for that.
        """
        await self._store.forget(business_id, person)
        profile_id = await self._store.find(business_id, person)
        if profile_id is None:
            return False
        try:
            await self.erase(business_id, profile_id)
        except ClicktrailError as error:
            if error.kind is not Kind.NOT_FOUND:  # Another call was faster.
                raise
        return True


class ErasureWorker:
    """Sees erasures through; any number of workers may run beside each other."""

    def __init__(self, store: PostgresErasure, links: ShortenerLinks, woken: asyncio.Event) -> None:
        self._store = store
        self._links = links
        self._woken = woken
        self._waiting = RareWarning(log, "erasures wait")
        self._links_waiting = RareWarning(log, "links of erased people wait to be detached")

    async def run(self) -> None:
        """Work until cancelled. What fails is tried again."""
        while True:
            self._woken.clear()
            await self._clear()
            await self._detach()
            await woken_or_after(self._woken, POLL_SECONDS)

    async def _clear(self) -> None:
        try:
            for erasure in await self._store.waiting(ERASURES):
                await self._store.clear(erasure)
        except ClicktrailError as error:
            self._waiting.tell(reason=error.reason)
        except Exception:
            log.exception("an erasure failed")

    async def _detach(self) -> None:
        try:
            while True:
                business_id, links = await self._store.links_to_detach()
                if not links:
                    return
                await self._links.detach(business_id, links)
                await self._store.end_detachments(business_id, links)
        except ClicktrailError as error:
            self._links_waiting.tell(reason=error.reason)
        except Exception:
            log.exception("links of erased people could not be detached")
