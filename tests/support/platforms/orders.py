"""Orders as tracking's own inbox takes them from platforms, and the tokens that pages bind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from clicktrail.tracking.v1 import event_pb2, session_service_pb2
from common.clock import to_timestamp
from tests.support.postgres_roles import as_service
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.clicking import START
from tests.support.tracking_service.events import event
from tracking_service.events.context_store import PostgresEventContexts
from tracking_service.events.event import Receipt
from tracking_service.events.intake import EventIntake
from tracking_service.events.messages import submission_from
from tracking_service.events.store import PostgresEvents
from tracking_service.postgres.partitions import Partitions
from tracking_service.postgres.pool import Postgres


class Inbox:
    """Gives facts of platforms to the intake, in process."""

    def __init__(self, intake: EventIntake) -> None:
        self._intake = intake

    @classmethod
    @asynccontextmanager
    async def open(cls, postgres_url: str) -> AsyncIterator["Inbox"]:
        """Open one on a database."""
        postgres = await Postgres.open(as_service(postgres_url), 4)
        store = PostgresEvents(postgres, Partitions(postgres), lambda: None)
        yield cls(EventIntake(store, PostgresEventContexts(postgres)))
        await postgres.close()

    async def take(self, *messages: event_pb2.Submission) -> list[Receipt]:
        """Take one batch in."""
        return await self._intake.track([submission_from(message) for message in messages])


def told(
    action: str = "order.placed",
    *,
    minutes: float = 130,
    reference: str = "820982911946154508",
    refund: str | None = None,
    amount: str = "10",
    **word: Any,
) -> event_pb2.Submission:
    """Return what a delivery of Shopify tells of an order, received so many minutes after the start.

    word is what it tells beside the event, a customer by a mapping, and `fresh`, a session as the shortener knows it.
    """
    data = {"reference": reference, "source": "shopify"}
    if refund is not None:
        data = {"reference": refund, "source": "shopify", "order": reference}
    sent = event(action, session=None, object_parameters=data, amount=amount, currency="USD")
    fresh = word.pop("fresh", None)
    key = f"shopify:{action}:{reference}" if refund is None else f"shopify:refund:{refund}"
    return event_pb2.Submission(
        business_id="shop",
        credential=event_pb2.CREDENTIAL_PRIVATE,
        key=key,
        received_at=to_timestamp(START + timedelta(minutes=minutes)),
        event=sent,
        fresh_session=fresh,
        platform=event_pb2.PlatformWord(**word),
    )


async def bind(caller: Caller, session: str, token: str, minutes: float = 120, **fields: Any) -> None:
    """Say, as a page, that a checkout belongs to a session."""
    request = session_service_pb2.BindTokenRequest(
        business_id="shop",
        session=session,
        source="shopify",
        token=token,
        received_at=to_timestamp(START + timedelta(minutes=minutes)),
        **fields,
    )
    answer = await caller.sessions.BindToken(request, timeout=SECONDS)
    assert answer == session_service_pb2.BindTokenResponse()
