"""Whose a session is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tracking_service.sessions.identity import (
    ClaimKind,
    FreshSession,
    SessionState,
    SessionUse,
    apply_uses,
    first_state,
)

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
FREE = SessionState(None, None, None, None, None, is_clicked_by_recipient=False, created_at=AT)


def use(profile_key: int | None = None, fresh: FreshSession | None = None) -> SessionUse:
    """Return a use of one session."""
    return SessionUse("shop", "session-1", profile_key, ClaimKind.EVENT, AT, fresh)


def minted(recipient: int | None) -> FreshSession:
    """Return a session minted by a click on a link of the campaign `spring`."""
    return FreshSession("abc", "spring", None, "m1", recipient, AT)


def test_a_free_session_goes_to_the_first_claim() -> None:
    """And to no other profile from then on."""
    state, allowed = apply_uses(FREE, [use(1), use(2), use(1), use()])
    assert (state.profile_key, allowed) == (1, [True, False, True, True])


def test_a_click_on_a_recipients_link_comes_before_any_claim() -> None:
    """Also where the claim stands first in the batch."""
    state, allowed = apply_uses(FREE, [use(2), use(None, minted(1))])
    assert (state.profile_key, state.link, state.campaign, state.message) == (1, "abc", "spring", "m1")
    assert (state.is_clicked_by_recipient, allowed) == (True, [False, True])


def test_a_click_takes_a_session_back_from_an_earlier_claim() -> None:
    """What the recipient clicked was never anybody else's."""
    claimed, _ = apply_uses(FREE, [use(2)])
    state, allowed = apply_uses(claimed, [use(2, minted(1))])
    assert (state.profile_key, allowed) == (1, [False])


def test_a_session_of_a_shared_link_can_be_claimed() -> None:
    """Its click says where it comes from, not whose it is."""
    state, allowed = apply_uses(first_state(use(3, minted(None))), [use(3, minted(None))])
    assert (state.profile_key, state.campaign, allowed) == (3, "spring", [True])


def test_a_click_kept_as_nobodys_stays_so() -> None:
    """Its recipient had been erased: there may be a profile of that name again, which did not click."""
    kept = replace(FREE, link="abc", campaign="spring")
    state, allowed = apply_uses(kept, [use(None, minted(1))])
    assert (state, allowed) == (kept, [True])


def claims_of(owners: Sequence[int | None], recipient: int | None) -> list[SessionUse]:
    """Return uses received a minute after one another, each with what the shortener knows of the session."""
    return [
        replace(use(owner, minted(recipient)), received_at=AT + timedelta(minutes=number))
        for number, owner in enumerate(owners)
    ]


Owners = st.lists(st.none() | st.integers(1, 3), min_size=1, max_size=6)


@given(Owners, st.data())
def test_of_claims_that_arrive_together_the_first_received_stays(owners: list[int | None], data: st.DataObject) -> None:
    """In whatever order they stand; each use has the same answer."""
    uses = claims_of(owners, None)
    shuffled = data.draw(st.permutations(uses))
    state, allowed = apply_uses(first_state(shuffled[0]), shuffled)
    first = next((owner for owner in owners if owner is not None), None)
    assert state.profile_key == first
    assert allowed == [one.profile_key in (None, first) for one in shuffled]


@given(Owners, st.integers(1, 3), st.data())
def test_a_recipient_has_the_session_whatever_arrives_first(
    owners: list[int | None], recipient: int, data: st.DataObject
) -> None:
    """In any order, in any pieces, and where only one of the uses knows of the click."""
    uses = claims_of(owners, recipient)
    knowing = data.draw(st.integers(0, len(uses) - 1))
    uses = [one if number == knowing else replace(one, fresh=None) for number, one in enumerate(uses)]
    shuffled = data.draw(st.permutations(uses))
    cut = data.draw(st.integers(0, len(uses)))
    state = first_state(shuffled[0])
    for piece in (shuffled[:cut], shuffled[cut:]):
        state, _ = apply_uses(state, piece)
    assert (state.profile_key, state.is_clicked_by_recipient, state.campaign) == (recipient, True, "spring")


@given(Owners, st.data())
def test_a_claim_that_was_kept_stays(owners: list[int | None], data: st.DataObject) -> None:
    """Against one that was received earlier and comes in a later piece; repeated, all answers are the same."""
    shuffled = data.draw(st.permutations(claims_of(owners, None)))
    state = first_state(shuffled[0])
    answers = []
    for one in shuffled:
        state, allowed = apply_uses(state, [one])
        answers += allowed
    owner = next((one.profile_key for one in shuffled if one.profile_key is not None), None)
    assert state.profile_key == owner
    for one, answer in zip(shuffled, answers, strict=True):
        again, allowed = apply_uses(state, [one])
        assert (again, allowed) == (state, [answer])
