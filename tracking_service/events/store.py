"""Keeps events in PostgreSQL: plain ones, nearly all that there are, by one statement."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from common.errors import Fault, FaultType, field_fault
from tracking_service.actions.catalogue import CATALOGUE, is_custom
from tracking_service.attribution.rules import RULES_VERSION
from tracking_service.events.deduplication_store import give_back, take_keys, take_order_actions
from tracking_service.events.event import Draft, Receipt, Status
from tracking_service.events.messages import without_customer
from tracking_service.events.object_store import keep_aliases, keep_objects, keep_refunds
from tracking_service.events.order_store import place_orders
from tracking_service.events.platform_word import is_of_order, names_customer
from tracking_service.events.queries import QUERIES
from tracking_service.identity.evidence import Strength
from tracking_service.identity.statement_store import KeptStatement, keep_statements
from tracking_service.postgres.arrays import columns, packed_columns
from tracking_service.postgres.bisection import store_each
from tracking_service.postgres.partitions import EVENTS, Partitions
from tracking_service.postgres.pool import Postgres, content_errors
from tracking_service.profiles.store import ProfileName, profile_keys, recipient_keys, take_back_profiles
from tracking_service.rejections.rejections import EVENT, Rejected
from tracking_service.rejections.store import PostgresRejected
from tracking_service.sessions.identity import ClaimKind, FreshSession, SessionState, SessionUse
from tracking_service.sessions.identity_store import claim_sessions
from tracking_service.sessions.sessions import as_fresh

if TYPE_CHECKING:
    from tracking_service.postgres.pool import Connection


ProfileKeys = Mapping[tuple[str, str], int | None]
"""Surrogates of profiles, by business and profile; None for people who were erased."""
States = Mapping[int, SessionState | None]
"""The sessions of drafts, by their numbers in the batch; None where they belong to another profile."""


Keep = Callable[[Sequence[Draft]], Awaitable[Sequence[Receipt | None]]]
"""Keeps all of some drafts or none; None instead of a receipt leaves one to another way of keeping it."""


class UsedAction(NamedTuple):
    """A custom action that events name."""

    business_id: str
    name: str


class PlacedDraft(NamedTuple):
    """An event, whom it names itself by the surrogate, and its session.

    Without a session it is that person's and of no link.
    """

    draft: Draft
    person: int | None
    state: SessionState

    @property
    def profile_key(self) -> int | None:
        """Return whose it is: whom it names, else whose its session is."""
        return self.state.profile_key if self.person is None else self.person

    @property
    def is_own_person(self) -> bool:
        """Whether it stays that person's wherever its session goes: who ordered is not who clicked."""
        return self.person is not None and self.draft.session is not None and is_of_order(self.draft)

    @property
    def tells_visitor(self) -> bool:
        """Whether it says who the visitor of its session is; who ordered is kept with the order, and may be another."""
        is_visitors = not is_of_order(self.draft) or self.person in (None, self.state.profile_key)
        return self.draft.visitor is not None and is_visitors and not names_customer(self.draft)


class People(NamedTuple):
    """Whom events name themselves, and whom the links name that minted their sessions."""

    named: ProfileKeys
    minted: ProfileKeys


_NO_ACTION = field_fault("action", "is neither a built-in one nor one of this business.", FaultType.NOT_FOUND)
_UNSTORABLE = Fault(FaultType.INVALID, None, "The event cannot be stored; it was set aside, to be looked at.")
_ASSIGNED = field_fault("session", "belongs to another profile.", FaultType.IDENTITY_ASSIGNED)


class PostgresEvents:
    """The events of all businesses."""

    def __init__(self, postgres: Postgres, partitions: Partitions, wake_attribution: Callable[[], None]) -> None:
        self._postgres = postgres
        self._partitions = partitions
        self._wake_attribution = wake_attribution
        self._rejected = PostgresRejected(postgres)

    async def record(self, drafts: Sequence[Draft]) -> Sequence[Receipt]:
        """Keep what is new, set aside what can never be kept, and return a receipt for each draft, in order.

        First the plain ones, by a statement of their own; those of them whose id was there go with the others.
        """
        await self._partitions.cover(EVENTS, (draft.received_at for draft in drafts))
        plain = {number: draft for number, draft in enumerate(drafts) if is_plain(draft)}
        receipts = await self._store(plain, self._keep_plain)
        others = {number: draft for number, draft in enumerate(drafts) if number not in receipts}
        receipts |= await self._store(others, self._keep)
        return [receipts[number] for number in range(len(drafts))]

    async def _store(self, drafts: Mapping[int, Draft], keep: Keep) -> dict[int, Receipt]:
        """Store drafts, by their numbers in the batch, and return the receipts of those that got one."""
        if not drafts:
            return {}
        pieces = await store_each(list(drafts.values()), keep, self._set_aside)
        found = zip(drafts, chain.from_iterable(pieces), strict=True)
        return {number: receipt for number, receipt in found if receipt is not None}

    async def _keep_plain(self, drafts: Sequence[Draft]) -> Sequence[Receipt | None]:
        with content_errors():
            kept = await keep_plain(self._postgres, drafts)
        if kept.has_undecided:
            self._wake_attribution()
        return kept.receipts

    async def _keep(self, drafts: Sequence[Draft]) -> Sequence[Receipt | None]:
        with content_errors():
            receipts = await self._postgres.in_transaction(lambda connection: _record(connection, drafts))
        if any(receipt.status is Status.ACCEPTED for receipt in receipts):
            self._wake_attribution()
        return receipts

    async def _set_aside(self, draft: Draft, reason: str) -> Sequence[Receipt | None]:
        content = without_customer(draft.sent.SerializeToString())
        await self._rejected.keep([Rejected(draft.business_id, EVENT, str(draft.id), content, reason)])
        return [Receipt(Status.REJECTED, None, draft.key, (_UNSTORABLE,))]


async def _record(connection: "Connection", drafts: Sequence[Draft]) -> list[Receipt]:
    verdicts = await take_keys(connection, drafts)
    # Also of what is known already: it may come with references that are not. Steps are looked for by them.
    await keep_aliases(connection, drafts)
    retold = await take_order_actions(connection, drafts, verdicts)
    new = {number: draft for number, draft in enumerate(drafts) if number not in verdicts or number in retold}
    if new or any(draft.platform is not None for draft in drafts):
        refused = dict.fromkeys(await _without_action(connection, new), _NO_ACTION)
        allowed = {number: draft for number, draft in new.items() if number not in refused}
        orders = await place_orders(connection, drafts, allowed)
        allowed = dict(orders.drafts)
        people = await _find_people(connection, allowed.values())
        states = await _use_sessions(connection, allowed, people, orders.uses())
        refused |= {number: _ASSIGNED for number, state in states.items() if state is None}
        await give_back(connection, [new[number] for number in refused])
        for number, draft in new.items():
            if number in refused:
                verdicts[number] = Receipt(Status.REJECTED, None, draft.key, (refused[number],))
            else:
                verdicts.setdefault(number, Receipt(Status.ACCEPTED, draft.id, draft.key))
        accepted = {number: draft for number, draft in allowed.items() if number not in refused}
        # What is refused leaves nothing behind, not even the profile that it was the first to name.
        await take_back_profiles(connection, _named_in_vain(new, accepted))
        await _keep_accepted(connection, accepted, states, people.named)
        await orders.keep(connection, accepted)
    return [verdicts[number] for number in range(len(drafts))]


async def _keep_accepted(
    connection: "Connection", drafts: Mapping[int, Draft], states: States, keys: ProfileKeys
) -> None:
    """Keep drafts that nothing stands against, with what they bring and say."""
    await keep_objects(connection, drafts.values())
    await keep_refunds(connection, drafts.values())
    placed = [_placed(draft, states.get(number), keys) for number, draft in drafts.items()]
    await _keep_events(connection, placed)
    await keep_statements(connection, [_statement(each.draft) for each in placed if each.tells_visitor])


def _named_in_vain(new: Mapping[int, Draft], accepted: Mapping[int, Draft]) -> set[ProfileName]:
    """Return the profiles that refused drafts name, and neither an accepted draft nor any fresh session."""
    named = {ProfileName(draft.business_id, draft.profile) for draft in new.values() if draft.profile is not None}
    used = {(draft.business_id, draft.profile) for draft in accepted.values()}
    minted = {(draft.business_id, draft.fresh_session.profile) for draft in new.values() if draft.fresh_session}
    return {name for name in named if name not in used and name not in minted}


async def _without_action(connection: "Connection", drafts: Mapping[int, Draft]) -> list[int]:
    """Return the drafts whose custom action was deleted since they were judged; hold the actions of the others."""
    used = {
        number: UsedAction(draft.business_id, draft.action)
        for number, draft in drafts.items()
        if is_custom(draft.action)
    }
    if not used:
        return []
    wanted = columns(sorted(set(used.values())), "business_id", "name")
    held = {UsedAction(**row) for row in await connection.fetch(QUERIES.hold_actions, *wanted)}
    return [number for number, action in used.items() if action not in held]


async def _find_people(connection: "Connection", drafts: Iterable[Draft]) -> People:
    drafts = list(drafts)
    named = {ProfileName(draft.business_id, draft.profile) for draft in drafts if draft.profile is not None}
    minted = {
        ProfileName(draft.business_id, draft.fresh_session.profile)
        for draft in drafts
        if draft.fresh_session is not None and draft.fresh_session.profile is not None
    }
    at = min((draft.received_at for draft in drafts), default=None)
    if at is None:
        return People({}, {})
    return People(
        await profile_keys(connection, named, at) if named else {},
        await recipient_keys(connection, minted, at) if minted else {},
    )


async def _use_sessions(
    connection: "Connection", drafts: Mapping[int, Draft], people: People, others: Sequence[SessionUse]
) -> States:
    """Use the sessions of drafts, and others that have to be locked with them.

    What tells of an order by a private token is not refused where its session is another profile's: it claims nothing.
    """
    uses = {
        number: SessionUse(
            business_id=draft.business_id,
            session=draft.session,
            profile_key=_key_of(draft, draft.profile, people.named),
            kind=ClaimKind.EVENT,
            received_at=draft.received_at,
            fresh=_fresh(draft, people.minted),
        )
        for number, draft in drafts.items()
        if draft.session is not None
    }
    found = await claim_sessions(connection, [*uses.values(), *others])
    states: dict[int, SessionState | None] = dict(zip(uses, found, strict=False))
    unclaimed = [number for number, state in states.items() if state is None and is_of_order(drafts[number])]
    again = await claim_sessions(connection, [replace(uses[number], profile_key=None) for number in unclaimed])
    return states | dict(zip(unclaimed, again, strict=True))


def _fresh(draft: Draft, keys: ProfileKeys) -> FreshSession | None:
    issued = draft.fresh_session
    if issued is None:
        return None
    return as_fresh(issued, _key_of(draft, issued.profile, keys))


def _key_of(draft: Draft, profile: str | None, keys: ProfileKeys) -> int | None:
    return None if profile is None else keys[draft.business_id, profile]


async def _keep_events(connection: "Connection", placed: Sequence[PlacedDraft]) -> None:
    if not placed:
        return
    await connection.execute(
        QUERIES.keep_events,
        *packed_columns(
            placed, "draft.business_id", "draft.received_at", "draft.id", "draft.action", "draft.session", "person",
            "profile_key", "draft.credential", "draft.occurred_at", "draft.tracked_at", "draft.object_id",
            "draft.object", "draft.amount_minor", "draft.currency", "draft.metadata", "draft.user_parameters",
            "draft.page", "draft.url", "draft.utm_params", "draft.extra", "draft.address", "draft.user_agent",
            "state.link", "state.campaign", "state.journey", "state.message", "draft.bare_object", "is_own_person",
        ),
    )  # fmt: skip


def _statement(draft: Draft) -> KeptStatement:
    strength = Strength.PROVED if draft.is_private else Strength.PAGE
    strength = Strength.PLATFORM if is_of_order(draft) else strength
    return KeptStatement(
        draft.business_id, draft.session or "", draft.said_source or "", draft.said_id or "", strength, email_hash=b"",
        phone_hash=b"", earlier_session="", said_at=draft.received_at, name=None, email=None, phone=None,
    )  # fmt: skip


def _placed(draft: Draft, state: SessionState | None, keys: ProfileKeys) -> PlacedDraft:
    person = _key_of(draft, draft.profile, keys)
    if state is None:
        state = SessionState(
            person, link=None, campaign=None, journey=None, message=None, is_clicked_by_recipient=False,
            created_at=draft.received_at,
        )  # fmt: skip
    return PlacedDraft(draft, person, state)


class Kept(NamedTuple):
    """The receipts of plain events, None where the id was there before, and whether any is left to attribution."""

    receipts: list[Receipt | None]
    has_undecided: bool


def is_plain(draft: Draft) -> bool:
    """Tell whether only its id can stand against an event, and it says nothing of its session or of its order."""
    is_silent = draft.profile is None and draft.fresh_session is None and not names_customer(draft)
    return is_silent and not draft.is_once and draft.action in CATALOGUE


async def keep_plain(postgres: Postgres, drafts: Sequence[Draft]) -> Kept:
    """Keep all plain events whose ids are new."""
    has_objects = any(draft.event_object is not None for draft in drafts)
    keep = postgres.in_transaction if has_objects else postgres.by_itself
    return await keep(lambda connection: _keep_all(connection, drafts))


async def _keep_all(connection: "Connection", drafts: Sequence[Draft]) -> Kept:
    sent = packed_columns(
        drafts, "business_id", "id", "received_at", "fingerprint", "action", "session", "credential", "occurred_at",
        "tracked_at", "object_id", "object", "bare_object", "amount_minor", "currency", "metadata", "user_parameters",
        "page", "url", "utm_params", "extra", "address", "user_agent", "never_earns", "said_source", "said_id",
    )  # fmt: skip
    if any(draft.visitor is not None for draft in drafts):
        (kept,) = await connection.fetch(QUERIES.keep_identified_events, *sent, RULES_VERSION)
    else:
        (kept,) = await connection.fetch(QUERIES.keep_plain_events, *sent, RULES_VERSION)
    receipts: list[Receipt | None] = [Receipt(Status.ACCEPTED, draft.id, draft.key) for draft in drafts]
    for number in kept["known"]:
        receipts[number - 1] = None
    new = [draft for draft, receipt in zip(drafts, receipts, strict=True) if receipt is not None]
    await keep_objects(connection, new)
    await keep_refunds(connection, new)
    return Kept(receipts, kept["has_undecided"])
