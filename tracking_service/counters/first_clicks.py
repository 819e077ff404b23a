"""Decide which clicks of a visitor are the first ones, in each scope: any, and on links of the visitor's own."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from tracking_service.counters.scopes import BUSINESS_SCOPE, LINK, Scope, SessionKey

# Bits of `sessions.firsts`; those of links of the visitor's own stand OWN times higher.
BUSINESS, CAMPAIGN, JOURNEY, MESSAGE, OF_LINK = 1, 2, 4, 8, 16
OWN = 32


class CountedClick(NamedTuple):
    """What is counted of a click, as its session keeps it where it minted one; origin is packed.

    `firsts` says where it was the first one of its visitor so far.
    """

    business_id: str
    session: str | None
    profile_key: int | None
    clicked_at: datetime
    click_id: UUID
    link_created_at: datetime
    link: str
    campaign: str | None
    journey: str | None
    message: str | None
    origin: str
    is_recipients: bool
    is_human: bool = True
    firsts: int = 0

    @property
    def is_visit(self) -> bool:
        """Whether it is to mint a session, as each click of a person is."""
        return self.is_human and self.session is not None

    @property
    def session_key(self) -> SessionKey:
        """Return what finds the session that it minted, or has to mint."""
        return SessionKey(self.business_id, self.session or "")

    @property
    def visitor(self) -> tuple[str, int | str | None]:
        """Return who clicked: the person, or the session where no person is known."""
        return self.business_id, self.session if self.profile_key is None else self.profile_key

    @property
    def everywhere(self) -> int:
        """Return the bits of it where it is the first one in all of its scopes."""
        return everywhere(
            campaign=self.campaign is not None,
            journey=self.journey is not None,
            message=self.message is not None,
            own=self.is_recipients,
        )

    def scopes(self) -> list[tuple[int, Scope]]:
        """Return the scopes that it belongs to, each with its bit."""
        scopes: list[tuple[int, Scope]] = [(BUSINESS, BUSINESS_SCOPE), (OF_LINK, (LINK, self.link))]
        if self.campaign:
            scopes.append((CAMPAIGN, ("campaign", self.campaign)))
        if self.journey:
            scopes.append((JOURNEY, ("journey", self.journey)))
        if self.message:
            scopes.append((MESSAGE, ("message", self.message)))
        return scopes


@lru_cache
def everywhere(*, campaign: bool, journey: bool, message: bool, own: bool) -> int:
    """Return the bits of a click that is the first one in all scopes that there are."""
    bits = BUSINESS + OF_LINK + CAMPAIGN * campaign + JOURNEY * journey + MESSAGE * message
    return bits + OWN * bits * own


def is_repeated(visit: CountedClick, known: Iterable[CountedClick]) -> bool:
    """Tell whether a click is the first one nowhere: in all its scopes a known one is, and was before it."""
    wanted = visit.everywhere
    taken = 0
    for other in known:
        if other.clicked_at < visit.clicked_at:
            shared = (
                BUSINESS
                + OF_LINK * (other.link == visit.link)
                + CAMPAIGN * (other.campaign == visit.campaign)
                + JOURNEY * (other.journey == visit.journey)
                + MESSAGE * (other.message == visit.message)
            )
            taken |= other.firsts & (shared + OWN * shared)
    return taken & wanted == wanted


def firsts_of(arriving: Sequence[CountedClick], known: Sequence[CountedClick]) -> list[int]:
    """Return where each click of one visitor is the first one: of those arriving, then of those known.

    Known must be all that were the first ones in any scope of those arriving; in other scopes they stay what they are.
    """
    concerned = {scope for visit in arriving for _, scope in visit.scopes()}
    visits = [*arriving, *known]
    firsts = [0] * len(visits)
    for factor, order in ((1, _any), (OWN, _own)):
        seen: set[Scope] = set()
        for number in sorted(range(len(visits)), key=lambda number: order(visits[number])):
            visit = visits[number]
            for bit, scope in visit.scopes():
                if scope not in concerned:
                    firsts[number] += visit.firsts & (bit * factor)
                elif scope not in seen and (factor == 1 or visit.is_recipients):
                    seen.add(scope)
                    firsts[number] += bit * factor
    return firsts


def _any(visit: CountedClick) -> tuple[object, ...]:
    return visit.clicked_at, visit.click_id


def _own(visit: CountedClick) -> tuple[object, ...]:
    # Of those at the same time the one that counts earlier by cohort, too.
    return visit.clicked_at, visit.link_created_at, visit.click_id
