"""What a stranger and a tenant do at their worst: each kind of attack is a loop until it is cancelled."""

import asyncio
import gzip
import json
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import uvloop

from tests.hostile.client import Client, get, post

# Loops of each kind at once: together they are as busy as the machine lets them be.
LOOPS = 3
SLOW = 100
HOLD_SECONDS = 12.0


class Target(NamedTuple):
    """The gateway, and what the attackers have of it: an address each, and one tenant's own credentials and link."""

    port: int
    stranger: str
    tenant: str
    business: str
    token: str
    path: str


Attack = Callable[[Target], Awaitable[None]]


async def hold_bodies(target: Target) -> None:
    """Promise compressed bodies of the largest route, and send none of them."""
    head = post("/v1/links/batch", b"", content_encoding="gzip").replace(b"content-length: 0", b"content-length: 1")
    await _hold(target, head)


async def hold_heads(target: Target) -> None:
    """Send heads of thousands of lines that do not end."""
    await _hold(target, b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a:\r\n" * 14_000)


async def guess_credentials(target: Target) -> None:
    """Try tokens."""
    await _ask(
        target.port, target.stranger, lambda: get("/v1/links", authorization=f"Bearer ct_{secrets.token_hex(20)}")
    )


async def guess_codes(target: Target) -> None:
    """Try short links."""
    await _ask(target.port, target.stranger, lambda: get(f"/{secrets.token_hex(3)}"))


async def send_bombs(target: Target) -> None:
    """Send few bytes that become half a million values, with the public id."""
    body = gzip.compress(b'{"events":[' + b"1," * 520_000 + b"1]}")
    await _ask(target.port, target.tenant, lambda: post("/v1/track/events/batch", body, **_public(target)))


async def flood_events(target: Target) -> None:
    """Send batches of a thousand events, with the public id."""
    bodies = [_thousand_events() for _ in range(10)]
    await _ask(
        target.port,
        target.tenant,
        lambda: post("/v1/track/events/batch", secrets.choice(bodies), **_public(target)),
    )


def _thousand_events() -> bytes:
    """Return a batch in a few KB; made before, since what it costs to make is no attack."""
    events = [{"action": "page.viewed", "session": secrets.token_hex(8), "metadata": {"x": "y" * 500}}] * 1_000
    return gzip.compress(json.dumps({"events": events}).encode())


async def flood_sessions(target: Target) -> None:
    """Ask for sessions, with the public id."""
    headers = {"authorization": f"Bearer {target.business}"}
    await _ask(target.port, target.tenant, lambda: post("/v1/track/sessions", b"", **headers))


async def make_values(target: Target) -> None:
    """Click one link from pages that nobody has."""
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Mobile/15E148"
    await _ask(
        target.port,
        target.tenant,
        lambda: get(target.path, referer=f"https://{secrets.token_hex(8)}.example/", user_agent=agent),
    )


async def read_reports(target: Target) -> None:
    """Read the business's report again and again, with the token."""
    await _ask(target.port, target.tenant, lambda: get("/v1/report", authorization=f"Bearer {target.token}"))


async def watch_reports(target: Target) -> None:
    """Open a hundred live reports, each of another campaign, with the token."""

    async def watch() -> None:
        async with Client(target.port, target.tenant) as client:
            while True:
                path = f"/v1/campaigns/{secrets.token_hex(4)}/report/stream"
                await client.hold(get(path, authorization=f"Bearer {target.token}"), HOLD_SECONDS)
                await asyncio.sleep(0.1)

    await asyncio.gather(*(watch() for _ in range(SLOW)))


_ATTACKS = (
    hold_bodies, hold_heads, guess_credentials, guess_codes, send_bombs, flood_events, flood_sessions, make_values,
    read_reports, watch_reports,
)  # fmt: skip
ATTACKS: Mapping[str, Attack] = {attack.__name__: attack for attack in _ATTACKS}


def _public(target: Target) -> dict[str, str]:
    return {"authorization": f"Bearer {target.business}", "content_encoding": "gzip"}


async def _hold(target: Target, request: bytes) -> None:
    async def hold() -> None:
        async with Client(target.port, target.stranger) as client:
            while True:
                await client.hold(request, HOLD_SECONDS)
                # A refusal is no reason to take all of the machine for trying again.
                await asyncio.sleep(0.1)

    await asyncio.gather(*(hold() for _ in range(SLOW)))


async def _ask(port: int, address: str, request: Callable[[], bytes]) -> None:
    async def ask() -> None:
        async with Client(port, address) as client:
            while True:
                answer = await client.ask(request())
                # What matters is what the other side does: the loops are not to starve those who measure.
                await asyncio.sleep(0.02 if answer.status in (200, 201, 302) else 0.05)

    await asyncio.gather(*(ask() for _ in range(LOOPS)))


def main() -> None:
    """Attack a target, in JSON, in these ways, until terminated."""
    target, *names = sys.argv[1:]

    async def attack() -> None:
        await asyncio.gather(*(ATTACKS[name](Target(*json.loads(target))) for name in names))

    uvloop.run(attack())


if __name__ == "__main__":
    main()
