"""Bad input at every edge gets a clear answer in the contract's form, and the next good request is served."""

import asyncio
import json
import secrets
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.conftest import System, client_with
from tests.e2e.test_trail import make_link, path_of

JSON = {"Content-Type": "application/json"}
SESSION = "bBJn9vR15yPaYkWmR2QK0jopMeNxrA6l"


def faults_of(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the errors of an answer, after checking that they have the contract's form and nothing else."""
    body = response.json()
    assert set(body) == {"errors"}
    faults: list[dict[str, Any]] = body["errors"]
    assert faults
    for fault in faults:
        assert {"type", "description"} <= set(fault) <= {"type", "parameter", "description"}
        assert "Traceback" not in fault["description"]
    return faults


def parameters_of(response: httpx.Response) -> set[str | None]:
    """Return the parameters that an answer finds fault with."""
    return {fault.get("parameter") for fault in faults_of(response)}


async def raw(system: System, request: bytes) -> bytes:
    """Send bytes as they are and return the answer's first kilobytes."""
    address = urlsplit(system.http)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(65_536), 120)
    writer.close()
    return answer


async def test_an_unknown_code_is_not_found(phone: httpx.AsyncClient) -> None:
    """A program gets JSON, a person a page."""
    missing = await phone.get("/nosuchcode", headers={"Accept": "application/json"})
    assert missing.status_code == 404
    assert [fault["type"] for fault in faults_of(missing)] == ["not_found"]
    page = await phone.get("/nosuchcode", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "profile",
    ["..", ".", "a/b", "../x", "a b", " ana", "ana\n", "ana\u200b", "a\u0000b", "\ud83d", "ñandú", "%2e%2e",
     "a?b", "a#b", "x" * 65, "undefined", "null", "NaN", "None", "[object Object]"],
)  # fmt: skip
async def test_an_id_that_leads_nowhere_is_refused_everywhere(
    private: httpx.AsyncClient, public: httpx.AsyncClient, profile: str
) -> None:
    """One that no path can carry, or that programs write for nobody: in events, links, profiles and sessions."""
    link = {"destination": "https://shop.example.com/"}
    recipient = {"profile": profile, "external_id": secrets.token_hex(8)}
    session = (await public.post("/v1/track/sessions")).json()["id"]
    for method, path, body in (
        ("POST", "/v1/attribution/events", {"action": "page.viewed", "profile": profile}),
        ("POST", "/v1/profiles", {"id": profile}),
        ("POST", "/v1/links", link | {"profile": profile}),
        ("PATCH", f"/v1/sessions/{session}", {"profile": profile}),
    ):
        refused = await private.request(method, path, content=json.dumps(body), headers=JSON)
        assert refused.status_code == 422, path
        assert len(parameters_of(refused) & {"profile", "id"}) == 1, path
    batch = json.dumps({"template": link, "recipients": [recipient]})
    (made,) = (await private.post("/v1/links/batch", content=batch, headers=JSON)).json()["links"]
    assert [fault["parameter"] for fault in made["errors"]] == ["profile"]


@pytest.mark.parametrize("path", ["/../etc/passwd", "/..%2f..%2fetc", "/%2e%2e", "/a%00b", "/%ff%fe", "/a b", "//x"])
async def test_odd_paths_are_not_found(system: System, path: str) -> None:
    """Nothing that is no code reaches a store."""
    answer = await raw(system, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"404", b"400"), answer


async def test_an_over_long_url_is_refused(system: System) -> None:
    """A URL of 100 KB gets an answer, not a hang-up."""
    path = "a" * 100_000
    answer = await raw(system, f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"404", b"414", b"431"), answer[:200]


async def test_a_header_cannot_be_split(system: System, private: httpx.AsyncClient) -> None:
    """A CR/LF in a destination is refused at creation, one in a query stays in the query."""
    bad = await private.post("/v1/links", json={"destination": "https://x.example/\r\nSet-Cookie: a=b"})
    assert bad.status_code == 422
    assert parameters_of(bad) == {"destination"}
    link = await make_link(private)
    path = path_of(link["short_url"])
    answer = await raw(
        system, f"GET {path}?a=%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    )
    assert b"\r\nSet-Cookie" not in answer
    split = b"GET /x HTTP/1.1\r\nHost: x\r\nUser-Agent: a\rb\r\nConnection: close\r\n\r\n"
    assert (await raw(system, split)).split(b" ")[1] in (b"400", b"404")


@pytest.mark.parametrize(
    "destination",
    ["ftp://x.example/", "javascript:alert(1)", "//x.example", "https://", "https://u:p@x.example/", "x" * 20,
     "https://x.example/" + "a" * 8_175, "", "data:text/html,x", "https://x.example\\@evil.example/", 7, None],
)  # fmt: skip
async def test_a_destination_must_be_a_web_address(private: httpx.AsyncClient, destination: object) -> None:
    """Another scheme, no host, credentials, too long, a wrong type: 422 that names the field."""
    response = await private.post("/v1/links", json={"destination": destination})
    assert response.status_code == 422, response.text
    assert parameters_of(response) == {"destination"}


async def test_all_faults_are_told_at_once(private: httpx.AsyncClient) -> None:
    """One answer names every field at fault."""
    bad = {"destination": "ftp://x", "campaign": "a", "journey": "b", "profile": "no spaces", "expires_at": "soon"}
    response = await private.post("/v1/links", json=bad)
    assert response.status_code == 422
    assert "expires_at" in parameters_of(response)
    del bad["expires_at"]
    response = await private.post("/v1/links", json=bad)
    assert {"destination", "profile"} <= parameters_of(response)
    assert {"campaign", "journey"} & parameters_of(response)


@pytest.mark.parametrize("path", ["/v1/track/events", "/v1/attribution/events", "/v1/links", "/v1/public/acks"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"a": NaN}', b"[" * 5000, b'{"a":' * 200])
async def test_a_body_must_be_a_json_object(private: httpx.AsyncClient, path: str, body: bytes) -> None:
    """What is not JSON, not UTF-8 or not an object is 400."""
    response = await private.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    assert [fault["type"] for fault in faults_of(response)] == ["invalid"]


@pytest.mark.parametrize(
    ("event", "parameter"),
    [
        ({"action": 7, "session": SESSION}, "action"),
        ({"session": SESSION}, "action"),
        ({"action": "page.viewed", "session": ["x"]}, "session"),
        ({"action": "page.viewed", "session": SESSION, "metadata": "x"}, "metadata"),
        ({"action": "page.viewed", "session": SESSION, "amount": {}, "currency": "USD"}, "amount"),
        ({"action": "page.viewed", "session": SESSION, "amount": 1, "currency": "XXL"}, "currency"),
        ({"action": "page.viewed", "session": SESSION, "tracked_at": "yesterday"}, "tracked_at"),
        ({"action": "page.viewed", "session": "no/slash/here"}, "session"),
        ({"action": "order.placed", "session": SESSION, "object_parameters": {}}, "object_parameters"),
    ],
)
async def test_an_event_with_a_wrong_field_names_it(
    private: httpx.AsyncClient, event: dict[str, Any], parameter: str
) -> None:
    """A wrong type or value in an event is 422 with its parameter."""
    response = await private.post("/v1/attribution/events", json=event)
    assert response.status_code == 422, response.text
    assert parameter in parameters_of(response)


async def test_an_unknown_action_is_not_found(public: httpx.AsyncClient) -> None:
    """An action that the business does not have is 404."""
    response = await public.post("/v1/track/events", json={"action": "moon.landed", "session": SESSION})
    assert response.status_code == 404
    assert parameters_of(response) == {"action"}


@pytest.mark.parametrize("credential", ["", "Bearer nobody", "Basic abc", "Bearer", "Bearer a b"])
async def test_an_unknown_business_is_unauthorized(system: System, credential: str) -> None:
    """No, unknown and odd credentials are 401."""
    async with client_with(system) as client:
        response = await client.post(
            "/v1/track/events", json={"action": "page.viewed"}, headers={"Authorization": credential}
        )
        missing = await client.get("/v1/public/businesses/nobody", headers={"Authorization": "Bearer nobody"})
    assert response.status_code == 401
    assert [fault["type"] for fault in faults_of(response)] == ["unauthorized"]
    assert missing.status_code in (401, 404)
    faults_of(missing)


async def test_the_public_id_opens_no_private_route(public: httpx.AsyncClient) -> None:
    """The id that stands in every page is 401 where a token is needed."""
    for method, path in [("POST", "/v1/links"), ("GET", "/v1/report"), ("POST", "/v1/attribution/events")]:
        response = await public.request(method, path, json={"destination": "https://x.example"})
        assert response.status_code == 401, (method, path)


async def test_another_business_sees_nothing(private: httpx.AsyncClient) -> None:
    """What does not exist, or is another's, is 404."""
    for path in ("/v1/links/nosuchlink", "/v1/profiles/nobody", f"/v1/sessions/{secrets.token_hex(16)}"):
        response = await private.get(path)
        assert response.status_code == 404, path
        faults_of(response)


@pytest.mark.parametrize("path", ["/v1/track/events", "/v1/links"])
async def test_a_body_of_10_mb_is_read_and_refused(private: httpx.AsyncClient, path: str) -> None:
    """The client gets 413, not a broken pipe, and the next request is served."""
    body = json.dumps({"action": "page.viewed", "metadata": {"x": "y" * 10_000_000}}).encode()
    response = await private.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 413
    assert [fault["type"] for fault in faults_of(response)] == ["too_large"]
    assert (await private.get("/v1/report")).status_code == 200


async def test_a_wrong_method_names_the_right_ones(private: httpx.AsyncClient) -> None:
    """405 with Allow."""
    response = await private.put("/v1/links", json={})
    assert response.status_code == 405
    assert {"GET", "POST"} <= {method.strip() for method in response.headers["allow"].split(",")}
    faults_of(response)


async def test_pages_can_read_errors(system: System) -> None:
    """Errors carry CORS headers and a request id; a preflight needs no credential."""
    origin = {"Origin": "https://shop.example.com"}
    async with client_with(system, **origin) as client:
        error = await client.post("/v1/track/events", content=b"{")
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, x-own"}
        preflight = await client.options("/v1/track/events", headers=asked)
    assert error.status_code in (400, 401)
    assert error.headers["access-control-allow-origin"] in ("*", origin["Origin"])
    assert error.headers["x-request-id"]
    assert preflight.status_code == 204
    assert "x-own" in preflight.headers["access-control-allow-headers"].lower()
    assert preflight.headers["access-control-max-age"] == "86400"
