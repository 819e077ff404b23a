"""Keeps plain events, nearly all that there are, by one statement."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tracking_service.actions.catalogue import CATALOGUE
from tracking_service.attribution.credits import never_earns
from tracking_service.attribution.rules import RULES_VERSION
from tracking_service.erasure.anonymisation import bare_object
from tracking_service.events import Draft, Receipt, Status
from tracking_service.postgres.arrays import packed_columns
from tracking_service.postgres.pool import Postgres
from tracking_service.postgres.queries import load
from tracking_service.postgres_refunds import keep_refunds
from tracking_service.postgres_things import keep_things

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection

QUERIES = load(__package__, "queries/events")


class Kept(NamedTuple):
    """The receipts of plain events, None where the id was there before, and whether any is left to attribution."""

    receipts: list[Receipt | None]
    has_undecided: bool


def is_plain(draft: Draft) -> bool:
    """Tell whether only its id can stand against an event, and its session is nobody's because of it."""
    return draft.profile is None and draft.fresh_session is None and not draft.is_once and draft.action in CATALOGUE


async def keep_plain(postgres: Postgres, drafts: Sequence[Draft]) -> Kept:
    """Keep all plain events whose ids are new."""
    has_things = any(draft.thing is not None for draft in drafts)
    keep = postgres.in_transaction if has_things else postgres.by_itself
    return await keep(lambda connection: _keep(connection, drafts))


async def _keep(connection: "Connection", drafts: Sequence[Draft]) -> Kept:
    columns = packed_columns([_row(draft) for draft in drafts])
    ((known, has_undecided),) = await connection.fetch(QUERIES.keep_plain_events, *columns, RULES_VERSION)
    receipts: list[Receipt | None] = [Receipt(Status.ACCEPTED, draft.id, draft.key) for draft in drafts]
    for number in known:
        receipts[number - 1] = None
    new = [draft for draft, receipt in zip(drafts, receipts, strict=True) if receipt is not None]
    await keep_things(connection, new)
    await keep_refunds(connection, new)
    return Kept(receipts, has_undecided)


def _row(draft: Draft) -> tuple[object, ...]:
    thing = draft.thing
    about = (None,) * 3 if thing is None else (thing.id, thing.shown(), bare_object(draft.action, thing.data))
    return (
        draft.business_id, draft.id, draft.received_at, draft.fingerprint, draft.action, draft.session,
        "private" if draft.is_private else "public", draft.occurred_at, draft.tracked_at, *about, draft.amount_minor,
        draft.currency, draft.metadata, draft.user_parameters, draft.page, draft.url, draft.utm_params, draft.extra,
        draft.address, draft.user_agent, never_earns(draft.action),
    )  # fmt: skip
