"""Whose a session is."""

from datetime import UTC, datetime

from tracking_service.identity import ClaimKind, FreshSession, SessionState, SessionUse, first_state, settle

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
    state, allowed = settle(FREE, [use(1), use(2), use(1), use()])
    assert (state.profile_key, allowed) == (1, [True, False, True, True])


def test_a_click_on_a_recipients_link_comes_before_any_claim() -> None:
    """Also where the claim stands first in the batch."""
    state, allowed = settle(FREE, [use(2), use(None, minted(1))])
    assert (state.profile_key, state.link, state.campaign, state.message) == (1, "abc", "spring", "m1")
    assert (state.is_clicked_by_recipient, allowed) == (True, [False, True])


def test_a_click_takes_a_session_back_from_an_earlier_claim() -> None:
    """What the recipient clicked was never anybody else's."""
    claimed, _ = settle(FREE, [use(2)])
    state, allowed = settle(claimed, [use(2, minted(1))])
    assert (state.profile_key, allowed) == (1, [False])


def test_a_session_of_a_shared_link_can_be_claimed() -> None:
    """Its click says where it comes from, not whose it is."""
    state, allowed = settle(first_state(use(3, minted(None))), [use(3, minted(None))])
    assert (state.profile_key, state.campaign, allowed) == (3, "spring", [True])
