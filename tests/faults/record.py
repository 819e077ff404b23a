"""What the clients saw: the one side of the ledger."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple


class Sent(NamedTuple):
    """An event that was sent, and what a client expects of its money."""

    request: bytes
    amount_minor: int
    currency: str


@dataclass(slots=True)
class Record:
    """Every answer that counts, and how often there was none."""

    sessions: dict[str, str] = field(default_factory=dict)
    """Sessions seen in a `Location`, each with its link's campaign."""
    session_twice: list[str] = field(default_factory=list)
    bots_redirected: int = 0
    clicks_without_answer: int = 0
    clicks_refused: int = 0
    bots_without_redirect: int = 0
    events: dict[str, Sent] = field(default_factory=dict)
    """Events sent, by key."""
    acknowledged: dict[str, str] = field(default_factory=dict)
    """Ids of the events that were answered 200, by key."""
    changed_ids: list[str] = field(default_factory=list)
    """Keys that two answers gave two ids."""
    sent_again: int = 0
    events_without_answer: int = 0
    events_refused: int = 0
    webhooks_without_answer: int = 0
    webhooks_refused: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    """Answers that no client should see, such as a 500."""

    @property
    def progress(self) -> int:
        """Clicks seen and events acknowledged so far."""
        return len(self.sessions) + self.bots_redirected + len(self.acknowledged)

    def see_session(self, session: str, campaign: str) -> None:
        """Note a session that was in a `Location`: never the same one twice."""
        if session in self.sessions:
            self.session_twice.append(session)
        self.sessions[session] = campaign

    def acknowledge(self, key: str, event_id: str) -> None:
        """Note the id that an event was acknowledged with: always the same one."""
        if self.acknowledged.setdefault(key, event_id) != event_id:
            self.changed_ids.append(key)

    def surprise(self, what: str) -> None:
        """Note an answer that should not have been; the first few in full."""
        if len(self.surprises) < 20:
            self.surprises.append(what)
        self.statuses["surprise"] += 1
