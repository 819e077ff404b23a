"""Makes up what a campaign brings in 30 days: most of it in the first ones, and more by day than by night."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from benchmarks.loads.made_clicks import AGENTS, click_of, link_of
from clicktrail.tracking.v1 import click_pb2, relay_service_pb2

DAYS = 30
CLICKS_A_RECIPIENT = 10
# Each so many-th hit is a program's, each so many-th comes by a link that everybody has.
_A_PROGRAM = 15
_SHARED = 40
_CLIENTS = 1_000
_QUIETER_AFTER_DAYS = 4
_MINUTE = timedelta(minutes=1)
# How busy the hours of a day are.
_HOURS = (2, 1, 1, 1, 1, 2, 4, 8, 10, 11, 12, 13, 14, 12, 11, 11, 12, 14, 16, 17, 15, 11, 7, 4)
_COUNTRIES = (
    "MX", "US", "CO", "AR", "ES", "CL", "PE", "EC", "GT", "BR", "UY", "PY", "BO", "CR", "PA", "DO", "HN", "SV", "NI",
    "PR", "CA", "DE", "FR", "IT", "PT", "GB", "NL", "BE", "CH", "AT",
)  # fmt: skip
_LANGUAGES = ("es-MX,es;q=0.9", "es-ES,es;q=0.9,en;q=0.8", "en-US,en;q=0.9", "pt-BR,pt;q=0.9", "de-DE,de;q=0.9", "")
_REFERRERS = ("", "", "", "https://l.instagram.com/", "https://m.facebook.com/", "https://www.google.com/search")
_PROGRAMS: tuple[dict[str, Any], ...] = tuple(
    {"user_agent": agent, "verdict": verdict, "verdict_reason": "a program by its name", "session": ""}
    for agent, verdict in (
        ("WhatsApp/2.25.20.78 A", click_pb2.VERDICT_PREVIEW),
        ("facebookexternalhit/1.1 Facebot Twitterbot/1.0", click_pb2.VERDICT_PREVIEW),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", click_pb2.VERDICT_BOT),
    )
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of so many hits, sent 30 days before `ended_at`."""

    business_id: str
    name: str
    hits: int
    ended_at: datetime

    @property
    def recipients(self) -> int:
        """How many people have a link of their own."""
        return max(1, self.hits // CLICKS_A_RECIPIENT)

    @property
    def sent_at(self) -> datetime:
        """When the first hit may come."""
        return self.ended_at - timedelta(days=DAYS)

    def links(self) -> Iterator[relay_service_pb2.LinkCopy]:
        """Yield the link of each recipient, and the one that everybody has."""
        for recipient in range(self.recipients):
            yield link_of(self.business_id, self.name, recipient, self._created_at(recipient))
        yield link_of(self.business_id, self.name, self.recipients, self.sent_at, profile="", external_id="")

    def clicks(self) -> Iterator[click_pb2.Click]:
        """Yield the hits, each quarter of an hour's behind those before it."""
        rng = random.Random(self.name)  # noqa: S311  (the same crowd each time)
        clients = [_client(rng) for _ in range(_CLIENTS)]
        for number, (begun_at, minutes) in enumerate(self._moments(rng)):
            recipient = rng.randrange(self.recipients)
            fields = clients[int(_CLIENTS * rng.random() ** 2)]
            created_at = self._created_at(recipient)
            if number % _A_PROGRAM == 0:
                fields = fields | _PROGRAMS[number % len(_PROGRAMS)]
            if number % _SHARED == 0:
                recipient, created_at, fields = self.recipients, self.sent_at, fields | {"profile": ""}
            at = begun_at + minutes * _MINUTE
            yield click_of(self.business_id, self.name, recipient, created_at, at, **fields)

    def _moments(self, rng: random.Random) -> Iterator[tuple[datetime, float]]:
        """Yield when each hit comes: a quarter of an hour, and the minutes into it."""
        quarters = DAYS * 24 * 4
        weights = [_HOURS[at // 4 % 24] * math.exp(-at / (24 * 4 * _QUIETER_AFTER_DAYS)) for at in range(quarters)]
        share, done, total = 0.0, 0, sum(weights)
        for quarter, weight in enumerate(weights):
            share += weight / total
            wanted = min(self.hits, round(share * self.hits))
            for _ in range(done, wanted):
                yield self.sent_at + quarter * 15 * _MINUTE, 15 * rng.random()
            done = max(done, wanted)

    def _created_at(self, recipient: int) -> datetime:
        """Return when a link was made: within the hour before the first hit."""
        return self.sent_at - timedelta(hours=1) * (1 - recipient / self.recipients)


def country_of(address: str) -> str:
    """Return the country that an address of the crowd stands for."""
    return _COUNTRIES[int(address.partition(".")[0]) % len(_COUNTRIES)]


def _client(rng: random.Random) -> dict[str, Any]:
    country = int(len(_COUNTRIES) * rng.random() ** 3)
    return {
        "user_agent": rng.choice(AGENTS),
        "accept_language": rng.choice(_LANGUAGES),
        "referrer": rng.choice(_REFERRERS),
        "address": f"{country + len(_COUNTRIES)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
    }
