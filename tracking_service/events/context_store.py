"""Finds what submissions are judged by, and asks for it only where a verdict depends on it."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from common.ids import uuid_of
from tracking_service.actions.catalogue import CATALOGUE
from tracking_service.events.event import SentEvent, Submission
from tracking_service.events.object_store import ObjectKey, find_objects, find_orders
from tracking_service.events.queries import QUERIES
from tracking_service.events.rules import OWN_SUMS, EventContext
from tracking_service.postgres.pool import Postgres

# Of a business that there is, for events that ask for nothing else of it.
_UNASKED = EventContext("USD", frozenset(), {})


class PostgresEventContexts:
    """What is known of businesses. Remembers which there are, since none is ever removed."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._present: set[str] = set()

    async def find(self, submissions: Sequence[Submission]) -> Mapping[str, EventContext]:
        """Return what submissions are judged by, of each business that there is."""
        contexts = dict.fromkeys(self._present.intersection([each.business_id for each in submissions]), _UNASKED)
        asking = [each for each in submissions if each.business_id not in contexts or _is_asking(each.event)]
        if asking:
            found = await self._find(asking)
            self._present |= found.keys()
            contexts |= found
        return contexts

    async def orders(self, wanted: Collection[ObjectKey]) -> Mapping[ObjectKey, str | None]:
        """Return the orders known among those wanted, each with the currency of its amounts, if it has one."""
        if not wanted:
            return {}
        async with self._postgres.connection() as connection:
            return await find_orders(connection, wanted)

    async def _find(self, submissions: Iterable[Submission]) -> dict[str, EventContext]:
        # A NUL fits into no text of PostgreSQL, so nothing there has one.
        sound = [submission for submission in submissions if "\0" not in submission.business_id]
        businesses = {submission.business_id for submission in sound}
        actions = {submission.event.action for submission in sound if "\0" not in submission.event.action}
        objects = {
            ObjectKey(submission.business_id, object_id)
            for submission in sound
            if submission.event.object is not None and (object_id := uuid_of(submission.event.object))
        }
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(QUERIES.find_contexts, list(businesses), list(actions))
            known = await find_objects(connection, objects)
        return {
            row["id"]: EventContext(row["currency"], frozenset(row["actions"]), known.get(row["id"], {}))
            for row in rows
        }


def _is_asking(event: SentEvent) -> bool:
    """Tell whether more is to be known than whether there is the business: its currency, an action, an object."""
    may_have_sum = event.amount is not None or (event.action in OWN_SUMS and event.object_parameters)
    return bool(may_have_sum) or event.object is not None or event.action not in CATALOGUE
