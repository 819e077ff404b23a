"""Decide whose a session is."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from tracking_service.counters.scopes import SessionKey


class ClaimKind(StrEnum):
    """What claimed a session for a profile, by a private token.

    Identifications made claims too, up to release 0.2: such a one is what a page said.
    """

    EVENT = "event"
    ATTACHMENT = "attachment"


@dataclass(frozen=True, slots=True)
class FreshSession:
    """A session as the shortener issued it, perhaps before its click has been delivered.

    profile_key is the recipient's of the link clicked; None on a shared link, or without a click.
    """

    link: str | None
    campaign: str | None
    journey: str | None
    message: str | None
    profile_key: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SessionUse:
    """A use of a session by an event, a page or an attachment.

    profile_key is who claims it; None where it is used without a claim. fresh is None where the shortener does not
    know the session.
    """

    business_id: str
    session: str
    profile_key: int | None
    kind: ClaimKind
    received_at: datetime
    fresh: FreshSession | None

    @property
    def key(self) -> SessionKey:
        """Return what tells sessions apart, and the order they are locked in."""
        return SessionKey(self.business_id, self.session)


@dataclass(frozen=True, slots=True)
class SessionState:
    """Whose a session is, and the link whose click minted it."""

    profile_key: int | None
    link: str | None
    campaign: str | None
    journey: str | None
    message: str | None
    is_clicked_by_recipient: bool
    created_at: datetime
    is_reported: bool = False
    """Its owner is so by what pages said alone: a private token may claim it for another one."""


def first_state(use: SessionUse) -> SessionState:
    """Return the state of a session that nothing was known of before this use, its claim left aside."""
    made_by_browser = SessionState(
        None, None, None, None, None, is_clicked_by_recipient=False, created_at=use.received_at
    )
    return made_by_browser if use.fresh is None else minted(made_by_browser, use.fresh)


def minted(state: SessionState, fresh: FreshSession) -> SessionState:
    """Return a state that knows how the session was issued, unless it did.

    A click on a recipient's link makes it the recipient's, whatever was claimed before. One that is kept as no
    person's, since its recipient was erased, stays so, whatever was found before that.
    """
    if state.link is not None:
        return state
    state = replace(
        state,
        link=fresh.link,
        campaign=fresh.campaign,
        journey=fresh.journey,
        message=fresh.message,
        created_at=fresh.created_at,
    )
    if fresh.profile_key is not None:
        state = replace(state, profile_key=fresh.profile_key, is_clicked_by_recipient=True, is_reported=False)
    return state


def claimed(state: SessionState, profile_key: int) -> SessionState | None:
    """Return the state after a claim, or None where it is another profile's: the first claim kept stays.

    What only pages said is no claim.
    Also against one that was received earlier and arrives later: its receipt has been given, and events with it.
    """
    if state.profile_key is None or state.is_reported:
        return replace(state, profile_key=profile_key, is_reported=False)
    return state if state.profile_key == profile_key else None


def apply_uses(state: SessionState, uses: Iterable[SessionUse]) -> tuple[SessionState, list[bool]]:
    """Return the state after uses of one session, and which of them are allowed, in their order.

    How a session was issued is looked at before any claim, since a click comes before all that its session does.
    """
    uses = list(uses)
    if all(use.profile_key is None and use.fresh is None for use in uses):
        return state, [True] * len(uses)
    for use in uses:
        if use.fresh is not None:
            state = minted(state, use.fresh)
    allowed = [True] * len(uses)
    # Of claims that arrive together the one received first is the first, in whatever order they stand.
    for number in sorted(range(len(uses)), key=lambda number: uses[number].received_at):
        profile_key = uses[number].profile_key
        after = state if profile_key is None else claimed(state, profile_key)
        allowed[number] = after is not None
        state = after or state
    return state, allowed
