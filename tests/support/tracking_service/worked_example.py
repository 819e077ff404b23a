"""A story of three campaigns and two journeys, small enough that every figure of their reports was computed by hand."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from clicktrail.tracking.v1 import click_pb2, event_pb2, relay_service_pb2
from common.clock import to_timestamp
from tests.support.tracking_service.calling import Caller, fresh
from tests.support.tracking_service.clicking import START, click, link
from tests.support.tracking_service.events import event, order

Step = Callable[[], Awaitable[Any]]

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"  # noqa: E501  (as it is sent)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"  # noqa: E501  (as it is sent)

DAY = 24 * 60
# Minutes after the start at which the links of each campaign and journey were made.
MADE = {"spring": 0, "summer": 60, "winter": 120, "welcome": 0, "winback": DAY}
JOURNEYS = ("welcome", "winback")
# Who has a link where: recipients by their numbers, forty in all.
RECIPIENTS = {
    "spring": range(1, 21),
    "summer": range(11, 31),
    "winter": range(31, 37),
    "welcome": range(31, 41),
    "winback": range(1, 6),
}
SHARED = 0
BROWSER = "the-browser-of-r40"


def at(minutes: float) -> datetime:
    """Return the time some minutes after the start."""
    return START + timedelta(minutes=minutes)


def place(where: str, number: int) -> dict[str, Any]:
    """Return what tells a recipient's link; number 0 is the shared one."""
    kind = "journey" if where in JOURNEYS else "campaign"
    return {"campaign": ""} | {
        kind: where,
        "link": f"{where}-{number}",
        "profile": f"r{number}" if number != SHARED else "",
    }


def links() -> list[relay_service_pb2.LinkCopy]:
    """Return all links: of each recipient, and one that is shared."""
    found = []
    for where, numbers in {**RECIPIENTS, "winter": [SHARED, *RECIPIENTS["winter"]]}.items():
        for number in numbers:
            told = place(where, number)
            link_id = told.pop("link")
            told = {name: value or None for name, value in told.items()}
            found.append(link(link_id, created_at=to_timestamp(at(MADE[where])), **told))
            found[-1].template = f"t-{where}"
    return found


def visit(where: str, number: int, minutes: float, agent: str = IPHONE, **fields: Any) -> click_pb2.Click:
    """Return a click on a link."""
    made_at = to_timestamp(at(MADE[where]))
    told = {**place(where, number), "user_agent": agent, "template": f"t-{where}", "link_created_at": made_at}
    return click(minutes, seed=number, **(told | fields))


BOT, PREVIEW = {"verdict": click_pb2.VERDICT_BOT}, {"verdict": click_pb2.VERDICT_PREVIEW}
CLICKS = {
    "crawler": visit("spring", 5, 5, "", **BOT),
    "crawler again": visit("spring", 5, 6, "", **BOT, source="qr"),
    "preview": visit("spring", 1, 4, "", **PREVIEW),
    "r1": visit("spring", 1, 60, accept_language="es-UY,es;q=0.9", source="qr"),
    "r1 again": visit("spring", 1, 70, accept_language="es"),
    "r2": visit("spring", 2, 61, WINDOWS, accept_language="en-US", referrer="https://Mail.example.com/inbox?q=1"),
    "r3": visit("spring", 3, 62, source="qr"),
    "r4": visit("spring", 4, 65, IPAD),
    "r11": visit("summer", 11, 120),
    "r11 again": visit("summer", 11, 200),
    "r12": visit("summer", 12, 121),
    "r13": visit("summer", 13, 122),
    "somebody": visit("winter", SHARED, 180),
    "r40 unknown": visit("winter", SHARED, 190),
    "r40 unknown again": visit("winter", SHARED, 200),
    "r31": visit("winter", 31, 205),
    "r31 welcome": visit("welcome", 31, 210),
    "r32 welcome": visit("welcome", 32, 211),
    "r1 winback": visit("winback", 1, DAY + 60),
}
SESSIONS = {name: minted.session for name, minted in CLICKS.items()}


class Story:
    """What happened, as steps that may be taken in any order, any number of times."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def steps(self) -> list[Step]:
        """Return all steps. Each event and each claim keeps the time that it was received at."""
        copies = links()
        delivered: list[Step] = [
            partial(self._caller.deliver, links=copies[:30]),
            partial(self._caller.deliver, links=copies[30:]),
            # The order of r11 is there before the click that led to it.
            self._ordered(1004, 130, "10", "r11", fresh_session=self._fresh("r11")),
            *(partial(self._caller.deliver, one) for one in CLICKS.values()),
        ]
        return delivered + self._events() + self._claims()

    def _events(self) -> list[Step]:
        google = event_pb2.UtmSeen(source="google", observed_at=to_timestamp(at(99)))
        return [
            self._ordered(1001, 80, "100", "r1 again"),
            self._taken(1001, 300, "30", "r1 again"),
            self._ordered(1002, 90, "50", "r2", currency="EUR"),
            self._sent(order("order.cancelled", "1002", session=SESSIONS["r2"]), 400),
            self._sent(event(session=SESSIONS["r3"]), 63),
            # An external source came after the click.
            self._ordered(1003, 100, "40", "r4", utm_params=google),
            # Eight days after the click: the window is seven.
            self._ordered(1005, 121 + 8 * DAY, "20", "r12"),
            self._sent(
                event(
                    "product.purchased",
                    session=SESSIONS["r13"],
                    object_parameters={"reference": "p1"},
                    amount="5",
                    currency="EUR",
                ),
                125,
            ),
            self._ordered(1006, 220, "60", None, session=BROWSER),
            # A page said something else of this order; what the server says holds.
            self._ordered(1007, 184, "999", "somebody", credential=event_pb2.CREDENTIAL_PUBLIC),
            self._ordered(1007, 185, "15", "somebody"),
            # Two clicks, the later one in a journey.
            self._ordered(1008, 230, "25", None, session=None, profile="r31"),
            self._ordered(1009, 215, "30", "r32 welcome"),
            self._taken(1009, 500, "30", "r32 welcome"),
            self._taken(1009, 600, "10", "r32 welcome"),
            self._ordered(1010, DAY + 70, "12.34", "r1 winback"),
        ]

    def _claims(self) -> list[Step]:
        """Return who three sessions turn out to be: two of the shared link, and one without a click."""
        claimed = [self._fresh("r40 unknown"), self._fresh("r40 unknown again")]
        claimed.append(fresh(BROWSER, at(219), link=None, campaign=None))
        return [
            partial(
                self._caller.attach,
                session.id,
                "r40",
                fresh_session=session,
                received_at=to_timestamp(at(700)),
            )
            for session in claimed
        ]

    def _fresh(self, name: str) -> Any:
        minted = CLICKS[name]
        known = {"link": minted.link, "campaign": minted.campaign, "profile": minted.profile or None}
        return fresh(minted.session, minted.clicked_at.ToDatetime(START.tzinfo), **known)

    def _ordered(self, number: int, minutes: float, amount: str, click_name: str | None, **fields: Any) -> Step:
        told = {"session": SESSIONS[click_name]} if click_name else {}
        outside = {name: fields.pop(name) for name in ("fresh_session", "credential") if name in fields}
        return self._sent(order(reference=str(number), amount=amount, **(told | fields)), minutes, **outside)

    def _taken(self, number: int, minutes: float, amount: str, click_name: str) -> Step:
        refund = {"reference": f"refund-{minutes}", "order": str(number), "source": "shopify"}
        told = event("refund.received", session=SESSIONS[click_name], object_parameters=refund, amount=amount)
        return self._sent(told, minutes)

    def _sent(self, sent: event_pb2.Event, minutes: float, **fields: Any) -> Step:
        sent.tracked_at.CopyFrom(to_timestamp(at(minutes)))
        # The same key for the same event, however often it is sent.
        key = f"{sent.action} {minutes}"
        received_at = to_timestamp(at(minutes + 1))
        return partial(self._caller.track, sent, key=key, received_at=received_at, **fields)
