"""Which fault strikes when: drawn from the seed alone."""

import random
from dataclasses import dataclass

SERVERS = ("gateway", "shortener", "tracking", "redis", "postgres")
WAYS = ("http", "redirects", "intake", "redis", "relay", "postgres")
# Kinds that kill, with how often they do.
KILLS = {"kill": 1, "cut the relay and kill": 1, "fill the spool": 2}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, what it strikes, how long it lasts, and after how many clicks and events it comes."""

    at: int
    kind: str
    where: str
    seconds: float

    def __str__(self) -> str:
        """Name it."""
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"after {self.at}: {self.kind} {self.where}{lasting}"


def schedule(seed: int, kills: int, operations: int, longest_outage_seconds: float) -> list[Fault]:
    """Return at least so many kills, and the other faults among them, spread over so many clicks and events."""
    rng = random.Random(seed)  # noqa: S311  (the same faults for the same seed)
    drawn: list[tuple[str, str, float]] = []
    rounds = 0
    while sum(KILLS.get(kind, 0) for kind, _, _ in drawn) < kills:
        drawn += _round(rng, longest_outage_seconds, is_first=rounds == 0)
        rounds += 1
    rng.shuffle(drawn)
    # Not at the very start, and none so late that it would strike nobody.
    places = sorted(rng.randrange(operations // 50, operations * 9 // 10) for _ in drawn)
    return [Fault(at, *fault) for at, fault in zip(places, drawn, strict=True)]


def _round(rng: random.Random, longest_seconds: float, *, is_first: bool) -> list[tuple[str, str, float]]:
    """Return each kind of fault once: every server killed, every way cut, every reply dropped."""
    outage = longest_seconds if is_first else rng.uniform(longest_seconds / 4, longest_seconds)
    brief = longest_seconds / 5
    return [
        *(("kill", server, 0.0) for server in SERVERS),
        ("cut the relay and kill", "shortener", 0.0),
        ("fill the spool", "tracking", rng.uniform(brief, 2 * brief)),
        ("stop", "postgres", outage),
        ("freeze", "postgres", rng.uniform(brief, 2 * brief)),
        ("freeze", "redis", rng.uniform(brief / 2, brief)),
        ("stall", rng.choice(WAYS), rng.uniform(brief / 2, brief)),
        *(("drop replies", way, 0.0) for way in WAYS),
        *(("cut", way, 0.0) for way in WAYS),
    ]
