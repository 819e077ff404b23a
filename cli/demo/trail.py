"""Walks the trail from the demo's links to its report, over HTTP as the world would."""

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cli.data_directory import DemoLink, Ready
from cli.demo.visitor import Answer, Visitor
from cli.failures import CommandFailed
from cli.stack.demo_business import CAMPAIGN

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
    " Mobile/15E148 Safari/604.1"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile"
    " Safari/537.36"
)
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
# Who opens which recipient's link: the first one twice.
VISITS = (
    ("iPhone", IPHONE, 0),
    ("Android", ANDROID, 1),
    ("iPhone", IPHONE, 2),
    ("Android", ANDROID, 3),
    ("iPhone, again", IPHONE, 0),
    ("Googlebot", CRAWLER, 4),
)
PAGE_VIEW: dict[str, Any] = {"action": "page.viewed", "url": "https://shop.example.com/spring"}
ORDER: dict[str, Any] = {
    "action": "order.placed",
    "object_parameters": {"reference": "order-1001"},
    "amount": 395.00,
    "currency": "USD",
}
# What the report must show in the end.
TOTALS = {"recipients": 20, "clicks": 5, "unique_clickers": 4, "bot_hits": 1, "sessions": 5}
EVENTS = {"page.viewed": 1, "order.placed": 1}
REVENUE = [{"amount": "395.00", "currency": "USD"}]
_REPORT_SECONDS = 30.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Click:
    """A visit to a link, and what was answered."""

    visitor: str
    link: DemoLink
    answer: Answer


@dataclass(slots=True)
class Trail:
    """What was done, and what it left behind."""

    clicks: list[Click] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)


def walk(ready: Ready) -> Trail:
    """Click, browse, buy, and wait until the report says so; raise `CommandFailed` with what is missing."""
    visitor = Visitor(ready.http)
    trail = Trail(clicks=[_click(visitor, *visit, ready.links) for visit in VISITS])
    session = trail.clicks[0].answer.session
    _post(visitor, "/v1/track/events", ready.business, PAGE_VIEW | {"session": session})
    _post(visitor, "/v1/attribution/events", ready.token, ORDER | {"session": session})
    _await_report(visitor, ready)
    answer = visitor.read(f"/v1/profiles/{ready.links[0].profile}/activities", ready.token)
    trail.activities = _expect(answer, "the customer's activities").json["activities"]
    return trail


def _click(visitor: Visitor, name: str, user_agent: str, number: int, links: list[DemoLink]) -> Click:
    link = links[number]
    answer = visitor.open(urlsplit(link.short_url).path, user_agent)
    if answer.status != 302:  # noqa: PLR2004  (a redirect)
        raise CommandFailed(f"{link.short_url} answered {answer.status} instead of a redirect.")
    is_person = user_agent != CRAWLER
    if is_person is not bool(answer.session):
        raise CommandFailed(f"{link.short_url} led {name} to {answer.location}: a session is for people, each time.")
    return Click(name, link, answer)


def _post(visitor: Visitor, path: str, credential: str, event: dict[str, Any]) -> None:
    _expect(visitor.post(path, credential, event), f"the event {event['action']}")


def _expect(answer: Answer, what: str) -> Answer:
    if answer.status != 200:  # noqa: PLR2004  (what the contract answers)
        said = answer.body[:500].decode("utf-8", "replace")
        raise CommandFailed(f"HTTP answered {answer.status} to {what}: {said}")
    return answer


def _await_report(visitor: Visitor, ready: Ready) -> None:
    deadline = time.monotonic() + _REPORT_SECONDS
    while True:
        answer = visitor.read(f"/v1/campaigns/{CAMPAIGN}/report", ready.token)
        missing = _missing_in(_expect(answer, "the campaign's report").json)
        if not missing:
            return
        if time.monotonic() > deadline:
            raise CommandFailed(f"After {_REPORT_SECONDS:.0f} s the report does not show: {'; '.join(missing)}.")
        time.sleep(_POLL_SECONDS)


def _missing_in(report: dict[str, Any]) -> list[str]:
    """Return what differs from the figures that must come out."""
    totals = report["totals"]
    counts = {event["action"]: event["count"] for event in report["events"]}
    return [
        *(f"{name} {wanted}, but {totals[name]}" for name, wanted in TOTALS.items() if totals[name] != wanted),
        *(
            f"{wanted} {name}, but {counts.get(name, 0)}"
            for name, wanted in EVENTS.items()
            if counts.get(name) != wanted
        ),
        *([f"revenue {REVENUE}, but {totals['revenue']}"] if totals["revenue"] != REVENUE else []),
    ]
