"""Shops that are connected over HTTP, through the whole system."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tests.support.platforms.deliveries import payload
from tests.support.platforms.signatures import headers_of
from tests.support.system import System, client_with
from tests.support.waiting import eventually

CREATED = payload("woocommerce/order-created.json")


async def connected(private: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    """Connect a shop of WooCommerce."""
    response = await private.post("/v1/connections", json={"platform": "woocommerce", **fields})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def signed(body: bytes, secret: str) -> dict[str, str]:
    """Return the headers that WooCommerce sends."""
    return headers_of("woocommerce", body, secret, "order.created")


async def test_a_connection_is_made_shown_changed_and_deleted(private: httpx.AsyncClient) -> None:
    """Its secret is shown once."""
    made = await connected(private, name="The shop", source="woo-1")
    path = f"/v1/connections/{made['id']}"
    assert made["secret"]
    assert made["hook_url"].endswith(f"/v1/hooks/{made['id']}")
    shown = (await private.get(path)).json()
    assert shown == made | {"secret": None}
    assert {"platform", "source", "name", "enabled", "created_at", "last_delivery_at", "deliveries", "refused"} <= {
        *shown
    }
    assert (await private.patch(path, json={"enabled": False})).json() == shown | {"enabled": False}
    assert (await private.delete(path)).status_code == 204
    assert (await private.get(path)).status_code == 404


async def test_what_is_wrong_with_a_connection_is_named(private: httpx.AsyncClient) -> None:
    """All at once."""
    sent = {"platform": "vtex", "source": "My Shop", "mapping": {"a": 1}}
    response = await private.post("/v1/connections", json=sent)
    assert response.status_code == 422
    assert {each["parameter"] for each in response.json()["errors"]} == {"platform", "source", "mapping"}


async def test_a_delivery_is_answered_by_what_it_is(system: System, private: httpx.AsyncClient) -> None:
    """Kept, a trial, wrongly signed, unknown, or too large; no other site's page may read the answer."""
    made = await connected(private)
    hook, good = f"/v1/hooks/{made['id']}", signed(CREATED, made["secret"])
    async with client_with(system) as platform:
        kept = await platform.post(hook, content=CREATED, headers=good)
        assert (kept.status_code, kept.json()) == (200, {"status": "received"})
        assert "access-control-allow-origin" not in kept.headers
        zipped = good | {"Content-Encoding": "gzip"}
        assert (await platform.post(hook, content=gzip.compress(CREATED), headers=zipped)).status_code == 200
        assert (await platform.post(hook, content=b"webhook_id=7")).status_code == 200
        wrong = await platform.post(hook, content=CREATED + b" ", headers=good)
        assert wrong.status_code == 401
        assert wrong.json()["errors"] == [{"type": "unauthorized", "description": "The signature is wrong."}]
        unknown = await platform.post(f"/v1/hooks/{'0' * 32}", content=CREATED, headers=good)
        assert (unknown.status_code, unknown.json()["errors"][0]["type"]) == (404, "not_found")
        large = b" " * (2 * 1024 * 1024 + 1)
        assert (await platform.post(hook, content=large, headers=good)).status_code == 413
        largest = CREATED.ljust(2 * 1024 * 1024)
        sent = await platform.post(hook, content=largest, headers=signed(largest, made["secret"]))
        assert sent.status_code == 200
    seen = (await private.get(f"/v1/connections/{made['id']}")).json()
    assert (seen["deliveries"], seen["refused"]) == (3, 1)

    async def outcomes() -> list[str]:
        told = (await private.get(f"/v1/connections/{made['id']}/deliveries")).json()
        return [each["outcome"] for each in told["deliveries"]]

    await eventually(outcomes, lambda found: found == ["duplicate", "duplicate", "recorded"])


async def test_a_rightly_signed_delivery_is_never_refused_for_others(
    system: System, private: httpx.AsyncClient
) -> None:
    """Shops share the addresses of their platform; wrong ones come there for this hook, for others, and for none."""
    wrong, other, right = [await connected(private) for _ in range(3)]
    good = signed(CREATED, right["secret"])

    async def refusals(hook: str, client: httpx.AsyncClient) -> list[int]:
        sent = [
            await client.post(f"/v1/hooks/{hook}", content=CREATED, headers=signed(CREATED, "x")) for _ in range(200)
        ]
        return [response.status_code for response in sent]

    async with client_with(system, address="127.0.0.77") as platform:
        for hook in (wrong["id"], right["id"]):
            seen = await refusals(hook, platform)
            assert (seen[0], {*seen}) == (401, {401, 429})
        unknown = await refusals("f" * 32, platform)
        assert (unknown[0], {*unknown}) == (404, {404, 429})
        for made in (right, other, wrong):
            headers = signed(CREATED, made["secret"])
            assert (await platform.post(f"/v1/hooks/{made['id']}", content=CREATED, headers=headers)).status_code == 200
    async with client_with(system, address="127.0.0.78") as elsewhere:
        assert (await elsewhere.post(f"/v1/hooks/{right['id']}", content=CREATED, headers=good)).status_code == 200


async def test_who_looks_for_hooks_keeps_out_nobody(system: System, private: httpx.AsyncClient) -> None:
    """Nor a hook that nothing has come to yet, from the same address."""
    made = await connected(private)
    async with client_with(system, address="127.0.0.79") as platform:
        seen = [(await platform.post(f"/v1/hooks/{number:032x}", content=b"{}")).status_code for number in range(200)]
        assert (seen[0], {*seen}) == (404, {404, 429})
        good = signed(CREATED, made["secret"])
        assert (await platform.post(f"/v1/hooks/{made['id']}", content=CREATED, headers=good)).status_code == 200


async def test_a_hook_that_is_switched_on_again_is_open_at_once(system: System, private: httpx.AsyncClient) -> None:
    """However much came meanwhile: some platforms never send again what was refused."""
    made = await connected(private)
    path, hook, good = f"/v1/connections/{made['id']}", f"/v1/hooks/{made['id']}", signed(CREATED, made["secret"])
    assert (await private.patch(path, json={"enabled": False})).status_code == 200
    async with client_with(system, address="127.0.0.80") as platform:
        seen = [(await platform.post(hook, content=CREATED, headers=good)).status_code for _ in range(200)]
        assert (seen[0], {*seen}) == (404, {404, 429})
        assert (await private.patch(path, json={"enabled": True})).status_code == 200
        assert (await platform.post(hook, content=CREATED, headers=good)).status_code == 200


async def test_addresses_that_no_hook_has_are_told_as_such(system: System) -> None:
    """Whatever stands in them; other methods than POST name that one."""
    async with client_with(system) as platform:
        for strange in ("7", "0" * 31, "0" * 33, "A" * 32, "%00" * 32, "%ff%fe", "..%2f..%2fhealth", "🦆" * 8):
            response = await platform.post(f"/v1/hooks/{strange}", content=b"{}")
            assert (strange, response.status_code) == (strange, 404)
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            response = await platform.request(method, f"/v1/hooks/{'0' * 32}")
            assert (response.status_code, "POST" in response.headers["allow"]) == (405, True)


async def raw_answer(system: System, request: bytes) -> bytes:
    """Send bytes over a connection of their own, and return what is answered."""
    url = httpx.URL(system.http)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def raw_request(hook: str, body: bytes, *lines: bytes, method: bytes = b"POST") -> bytes:
    """Return a request as it goes over the wire."""
    first = b"%s %s HTTP/1.1" % (method, hook.encode())
    ends = (b"Content-Length: %d" % len(body), b"Connection: close", b"", b"")
    return b"\r\n".join((first, b"Host: shop", *lines, *ends)) + body


async def test_odd_requests_are_answered(system: System, private: httpx.AsyncClient) -> None:
    """Headers and queries that are no text do not keep out what is rightly signed; what is too much is refused."""
    made = await connected(private)
    hook = f"/v1/hooks/{made['id']}"
    right = [f"{name}: {value}".encode() for name, value in signed(CREATED, made["secret"]).items()]
    bomb = gzip.compress(bytes(100_000_000))
    for expected, request in (
        (200, raw_request(hook, CREATED, *right)),
        (200, raw_request(hook, CREATED, *right, b"X-Odd: \xff\xfe\x80")),
        (200, raw_request(hook, CREATED, b"X-WC-Webhook-Topic: \xff\xfe", *right)),
        (200, raw_request(f"{hook}?a=%ff%fe&b=%00&%ff&=&&", CREATED, *right)),
        # What a proxy or an attacker adds comes behind: the first counts.
        (200, raw_request(hook, CREATED, *right, b"X-WC-Webhook-Signature: x")),
        (401, raw_request(hook, CREATED, b"X-WC-Webhook-Signature: x", *right)),
        (401, raw_request(hook, b"")),
        (400, raw_request(hook, CREATED, *right, b"X-\xff: a")),
        (431, raw_request(hook, CREATED, *right, *(b"X-%d: a" % number for number in range(200)))),
        (431, raw_request(hook, CREATED, *right, b"X-A: " + bytes(20_000).replace(b"\0", b"a"))),
        (413, raw_request(hook, bomb, *right, b"Content-Encoding: gzip")),
        (400, raw_request(hook, CREATED, *right, b"Content-Encoding: gzip")),
        (400, raw_request(hook, CREATED, *right, b"Content-Encoding: br")),
        (405, raw_request(hook, b"", method=b"GET")),
        (405, raw_request(hook, b"", method=b"HEAD")),
    ):
        answer = await raw_answer(system, request)
        assert int(answer[9:12]) == expected, (request[:300], answer[:300])
        assert expected != 405 or b"\r\nallow: POST" in answer


async def test_a_body_may_come_slowly(system: System, private: httpx.AsyncClient) -> None:
    """In pieces, of a length that is told or not."""
    made = await connected(private)
    url, headers = httpx.URL(system.http), signed(CREATED, made["secret"])
    middle = len(CREATED) // 2

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (CREATED[:1], CREATED[1:middle], CREATED[middle:]):
            yield piece
            await asyncio.sleep(0.3)

    async with client_with(system) as platform:
        for told in ({}, {"Content-Length": str(len(CREATED))}):
            sent = await platform.post(f"/v1/hooks/{made['id']}", content=pieces(), headers=headers | told)
            assert sent.status_code == 200
    # One that never comes whole is nothing.
    _, writer = await asyncio.open_connection(url.host, url.port)
    lines = [f"{name}: {value}".encode() for name, value in headers.items()]
    writer.write(raw_request(f"/v1/hooks/{made['id']}", CREATED, *lines)[:-1])
    await writer.drain()
    writer.close()
    shown = (await private.get(f"/v1/connections/{made['id']}")).json()
    assert (shown["deliveries"], shown["refused"]) == (2, 0)


DAMAGED = {
    b"": "refused",
    b"\0": "refused",
    b"\xff\xfe{}": "refused",
    b"[]": "refused",
    b"[" * 100_000: "refused",
    b'{"id": ' + b"9" * 5_000 + b"}": "refused",
    b'{"id": NaN}': "refused",
    b'{"id": 7, "status": "pro': "refused",
    b'{"id": "\\ud800", "status": "processing", "total": "1.00", "currency": "USD"}': "recorded",
    b'{"id": "a\\u0000b", "status": "processing", "total": "1.00", "currency": "USD"}': "recorded",
}


async def test_what_is_signed_is_settled(system: System, private: httpx.AsyncClient) -> None:
    """Whatever it is: nothing is tried again for ever, and an order of more events than one batch has is recorded."""
    made = await connected(private, source="damaged")
    refunds = [{"id": number, "total": "-0.01"} for number in range(1, 1_200)]
    order = {"id": 9, "status": "processing", "total": "50.00", "currency": "USD", "refunds": refunds}
    bodies = DAMAGED | {json.dumps(order).encode(): "recorded"}
    async with client_with(system) as platform:
        for body in bodies:
            headers = signed(body, made["secret"])
            assert (await platform.post(f"/v1/hooks/{made['id']}", content=body, headers=headers)).status_code == 200

    async def outcomes() -> list[str]:
        told = (await private.get(f"/v1/connections/{made['id']}/deliveries", params={"limit": 100})).json()
        return [each["outcome"] for each in told["deliveries"]][::-1]

    await eventually(outcomes, lambda found: found == [*bodies.values()])
