"""What pages may count on: the public routes, as libraries on pages use them."""

import gzip
import hmac
import json
import secrets
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.tracker.script import PLATFORMS
from tests.e2e.api.test_bad_input import faults_of, raw
from tests.e2e.businesses import client_of, make_business, set_identity_secret
from tests.e2e.conftest import System, client_with
from tests.e2e.test_trail import activities_when, make_link, path_of, session_of
from tests.support.waiting import eventually

ORIGIN = "https://shop.example.com"


@pytest.fixture
async def stranger(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client without a credential."""
    async with client_with(system) as client:
        yield client


def types_of(response: httpx.Response) -> list[str]:
    """Return the types of an answer's errors."""
    return [fault["type"] for fault in faults_of(response)]


async def new_session(public: httpx.AsyncClient) -> str:
    """Return a session as a page gets it."""
    response = await public.post("/v1/track/sessions")
    assert response.status_code == 201
    session: str = response.json()["id"]
    return session


async def identify(public: httpx.AsyncClient, **said: str) -> None:
    """Say who a visitor is; the answer never tells anything."""
    answer = await public.post("/v1/public/identifications", json=said)
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})


async def owner_of(private: httpx.AsyncClient, session: str) -> str:
    """Return whose a session is, once it is somebody's."""

    async def look() -> str | None:
        owner: str | None = (await private.get(f"/v1/sessions/{session}")).json()["profile"]
        return owner

    return await eventually(look, bool) or ""


async def test_a_mail_tracks_by_an_image(
    stranger: httpx.AsyncClient, private: httpx.AsyncClient, phone: httpx.AsyncClient, system: System
) -> None:
    """The image comes once the event is kept, with what its address says; what is not taken is an image too."""
    profile = f"p-{secrets.token_hex(8)}"
    session = session_of(await phone.get(path_of((await make_link(private, profile=profile))["short_url"])))
    query = {
        "business": system.business,
        "action": "page.viewed",
        "session": session,
        "url": "https://shop.example.com/mail?a=ü",
        "amount": "3.5",
        "currency": "USD",
        "tracked_at": "1700000000",
        "id": secrets.token_hex(8),
    }
    for name in ("/v1/p.gif", "/v1/track/pixel.gif"):
        shown = await stranger.get(name, params=query)
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/gif")
        assert shown.headers["cache-control"] == "no-store"
        assert shown.content.startswith(b"GIF89a")
    seen = [one for one in await activities_when(private, profile, 2) if one["action"] == "page.viewed"]
    assert [one["url"] for one in seen] == [query["url"]]
    assert seen[0]["amount"] == {"amount": "3.50", "currency": "USD"}
    assert seen[0]["tracked_at"] == "2023-11-14T22:13:20Z"
    for fault, status in (({"action": "moon.landed"}, 404), ({"session": "no/slash"}, 422), ({"business": "no"}, 401)):
        refused = await stranger.get("/v1/track/pixel.gif", params=query | fault)
        assert (refused.status_code, refused.headers["content-type"]) == (status, "image/gif")
        assert refused.content == shown.content
        told = await stranger.get("/v1/track/pixel.gif", params=query | fault, headers={"Accept": "application/json"})
        assert told.status_code == status
        faults_of(told)


async def test_looking_at_the_image_is_no_event(
    stranger: httpx.AsyncClient, private: httpx.AsyncClient, system: System
) -> None:
    """Mail servers ask for its head."""
    profile = f"p-{secrets.token_hex(8)}"
    event = {"action": "page.viewed", "profile": profile}
    assert (await private.post("/v1/attribution/events", json=event)).status_code == 200
    session = secrets.token_hex(16)
    await private.post("/v1/attribution/events", json=event | {"session": session})
    query = {"business": system.business, "action": "cart.viewed", "session": session}
    looked = await stranger.head("/v1/track/pixel.gif", params=query)
    assert (looked.status_code, looked.headers["content-type"], looked.content) == (200, "image/gif", b"")
    assert (await stranger.get("/v1/track/pixel.gif", params=query)).status_code == 200
    seen = [one["action"] for one in await activities_when(private, profile, 3)]
    assert seen == ["cart.viewed", "page.viewed", "page.viewed"]
    # The template of a mail leaves a field empty that it has nothing for.
    empty = dict.fromkeys(("profile", "amount", "currency", "metadata", "tracked_at", "id", "url", "object"), "")
    assert (await stranger.get("/v1/p.gif", params=query | empty)).status_code == 200
    assert (await activities_when(private, profile, 4))[0]["action"] == "cart.viewed"


@pytest.mark.parametrize("written", ["verão", "ver%C3%A3o"])
async def test_a_query_may_be_utf_8(private: httpx.AsyncClient, system: System, written: str) -> None:
    """With and without percent signs, as programs and people write addresses."""
    profile, session = f"p-{secrets.token_hex(8)}", secrets.token_hex(16)
    event = {"action": "page.viewed", "profile": profile, "session": session}
    assert (await private.post("/v1/attribution/events", json=event)).status_code == 200
    address = (
        f"/v1/p.gif?business={system.business}&action=cart.viewed&session={session}&url=https://a.example/{written}"
    )
    answer = await raw(system, f"GET {address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    seen = await activities_when(private, profile, 2)
    assert seen[0]["url"] == "https://a.example/verão"


async def test_a_route_is_served_with_a_final_slash(
    public: httpx.AsyncClient, private: httpx.AsyncClient, system: System
) -> None:
    """As some clients and proxies write all of them; an empty segment is none."""
    event = {"action": "page.viewed", "session": secrets.token_hex(16)}
    named = {"session": event["session"], "user_id": "slash-1", "source": "slashes"}
    for path, body, status in (
        ("/v1/track/events/", event, 200),
        ("/v1/track/events/batch/", {"events": [event]}, 200),
        ("/v1/track/sessions/", None, 201),
        ("/v1/public/identifications/", named, 200),
        ("/v1/public/acks/", {}, 200),
        ("/v1/public/bindings/", {"session": event["session"], "source": "slashes", "token": "token-1234"}, 200),
        ("/v1/track/events//", event, 404),
    ):
        assert (await public.post(path, json=body)).status_code == status, path
    assert (await public.get(f"/v1/public/businesses/{system.business}/")).status_code == 200
    assert (await public.get("/v1/c.js/")).status_code == 200
    assert (await private.post("/v1/attribution/events/", json=event)).status_code == 200
    assert "links" in (await private.get("/v1/links/")).json()


@pytest.mark.parametrize("base", ["//v1", "/v1/", "//v1/", "///v1", "/v1//"])
async def test_a_base_address_may_end_with_a_slash(
    public: httpx.AsyncClient, private: httpx.AsyncClient, base: str
) -> None:
    """Programs put `/v1/…` or `/track/…` behind it; further on an empty segment is an id that was not there."""
    event = {"action": "page.viewed", "session": secrets.token_hex(16)}
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}

    def at(path: str) -> str:
        return f"{str(public.base_url).rstrip('/')}{base}{path}"

    assert (await public.options(at("/track/events"), headers=asked)).status_code == 204
    assert (await public.post(at("/track/events"), json=event)).status_code == 200
    assert (await public.get(at("/c.js"))).status_code == 200
    assert "links" in (await private.get(at("/links"))).json()
    assert (await private.get(at("/links//report"))).status_code == 404


async def test_a_beacon_names_its_business_in_the_query(stranger: httpx.AsyncClient, system: System) -> None:
    """Plain text, as `sendBeacon` sends it; a private token may not stand there."""
    body = json.dumps({"action": "page.viewed", "session": secrets.token_hex(16)})
    plain = {"Content-Type": "text/plain;charset=UTF-8"}
    taken = await stranger.post(f"/v1/track/events?business={system.business}", content=body, headers=plain)
    assert taken.status_code == 200
    refused = await stranger.post(f"/v1/track/events?business={system.token}", content=body, headers=plain)
    assert refused.status_code == 401


async def test_bodies_may_be_gzip(public: httpx.AsyncClient) -> None:
    """The limit is for what comes out of it."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    event = json.dumps({"action": "page.viewed", "session": secrets.token_hex(16)}).encode()
    for body, status in ((gzip.compress(event), 200), (event, 400), (gzip.compress(b" " * 20_000_000), 413)):
        assert (await public.post("/v1/track/events", content=body, headers=headers)).status_code == status


async def test_a_page_says_that_it_is_open(public: httpx.AsyncClient, private: httpx.AsyncClient) -> None:
    """The very first time without a session; a session that a browser made up is known from then on."""
    at = "2026-07-01T00:00:00.123Z"
    first = await public.post("/v1/public/acks", json={"at": at, "utm_params": {}})
    assert (first.status_code, first.json()) == (200, {"status": "received"})
    own = secrets.token_hex(12)
    acked = await public.post("/v1/public/acks", json={"session": own, "at": at, "utm_params": {"source": "google"}})
    assert acked.json() == {"status": "received"}
    assert (await private.get(f"/v1/sessions/{own}")).json()["profile"] is None


async def test_identifying_a_free_session(public: httpx.AsyncClient, private: httpx.AsyncClient) -> None:
    """It goes to the page profile of the identity, and the next session joins it; the page is told nothing of it."""
    user = {"user_id": secrets.token_hex(8), "source": "shopify", "email": "ana@example.com"}
    found = set()
    for _ in range(2):
        session = await new_session(public)
        await identify(public, **user, session=session)
        found.add(await owner_of(private, session))
    assert len(found) == 1
    profile = (await private.get(f"/v1/profiles/{found.pop()}")).json()
    assert profile["identities"] == [{"source": "shopify", "user_id": user["user_id"]}]
    assert profile["email"] == "ana@example.com"


async def test_identifying_a_clicked_session(
    public: httpx.AsyncClient, private: httpx.AsyncClient, phone: httpx.AsyncClient
) -> None:
    """The first identity of a source joins the link's recipient, with its older sessions; the second one does not."""
    recipient = f"p-{secrets.token_hex(8)}"
    link = await make_link(private, profile=recipient)
    session = session_of(await phone.get(path_of(link["short_url"])))
    own, other = ({"user_id": secrets.token_hex(8), "source": "shopify"} for _ in range(2))
    older = await new_session(public)
    await identify(public, **own, session=older)
    page_profile = await owner_of(private, older)
    await identify(public, **own, session=session, email="ana@example.com")
    await identify(public, **other, session=session)
    await eventually(lambda: owner_of(private, older), lambda owner: owner == recipient)
    profile = (await private.get(f"/v1/profiles/{recipient}")).json()
    assert (profile["identities"], profile["email"]) == ([own], None)
    # Left by its last session, it is looked at once more.
    await eventually(lambda: private.get(f"/v1/profiles/{page_profile}"), lambda answer: answer.status_code == 404)


async def test_a_private_token_takes_an_identity_from_pages(
    public: httpx.AsyncClient, private: httpx.AsyncClient
) -> None:
    """With the sessions; from another private token's profile it does not."""
    user = {"user_id": secrets.token_hex(8), "source": "shop"}
    session = await new_session(public)
    await identify(public, **user, session=session)
    await owner_of(private, session)
    customer = f"p-{secrets.token_hex(8)}"
    made = await private.post("/v1/profiles", json={"id": customer, "identities": [user]})
    assert made.status_code == 201, made.text
    await eventually(lambda: owner_of(private, session), lambda owner: owner == customer)
    refused = await private.post("/v1/profiles", json={"identities": [user]})
    assert (refused.status_code, types_of(refused)) == (422, ["parameter_not_unique"])


async def test_with_an_identity_secret_a_page_needs_proof(system: System) -> None:
    """Without the right hash of the shop's server what it says decides nothing; the answer is the same."""
    shop, secret = await make_business(system), secrets.token_hex(16)
    await set_identity_secret(system, shop.id, secret)
    async with client_of(system, shop.id) as public, client_of(system, shop.token) as private:
        proof = hmac.new(secret.encode(), b"7", "sha256").hexdigest()
        unproved, wrong, proved = [await new_session(public) for _ in range(3)]
        await identify(public, user_id="7", session=unproved)
        await identify(public, user_id="7", session=wrong, user_hash=proof[:-1])
        await identify(public, user_id="7", session=proved, user_hash=proof)
        await owner_of(private, proved)
        for session in (unproved, wrong):
            assert (await private.get(f"/v1/sessions/{session}")).json()["profile"] is None


@pytest.mark.parametrize(
    "nothing",
    ["undefined", "null", "NaN", "[object Object]", "[object Undefined]", "UNDEFINED", " None ", "0", "false",
     "-Infinity", " ", "\u200b"],
)  # fmt: skip
async def test_what_a_script_makes_of_nothing_is_refused(public: httpx.AsyncClient, nothing: str) -> None:
    """As it is wrong with the request itself."""
    sent = {"session": await new_session(public), "user_id": nothing}
    refused = await public.post("/v1/public/identifications", json=sent)
    assert [(fault["type"], fault["parameter"]) for fault in faults_of(refused)] == [("invalid", "user_id")]


async def test_all_that_is_missing_is_named(public: httpx.AsyncClient) -> None:
    """Both required fields of an identification at once."""
    refused = await public.post("/v1/public/identifications", json={"email": "a@example.com"})
    assert [fault["parameter"] for fault in faults_of(refused)] == ["session", "user_id"]
    assert types_of(refused) == ["parameter_missing"] * 2


async def test_a_business_may_list_its_origins(system: System) -> None:
    """From another page it is 401, which that page can read; servers and preflights are not asked."""
    shop = await make_business(system, origins=(ORIGIN,))
    async with client_of(system, shop.id) as public, client_of(system, shop.token) as private:
        for headers, status in (({"Origin": ORIGIN}, 201), ({}, 201), ({"Origin": "https://evil.example.com"}, 401)):
            answer = await public.post("/v1/track/sessions", headers=headers)
            assert answer.status_code == status, headers
            assert answer.headers["access-control-allow-origin"] == "*"
        elsewhere = {"Origin": "https://evil.example.com"}
        assert (await private.post("/v1/track/sessions", headers=elsewhere)).status_code == 201
        asked = elsewhere | {"Access-Control-Request-Method": "POST"}
        assert (await public.options("/v1/track/sessions", headers=asked)).status_code == 204


async def test_public_settings(public: httpx.AsyncClient, system: System) -> None:
    """A business's own, in the shape that libraries read; another's and unknown ones are 404."""
    shown = await public.get(f"/v1/public/businesses/{system.business}")
    assert shown.status_code == 200
    assert shown.json().keys() == {
        "id", "locale", "country", "features", "whitelist", "subscription", "webchat", "whatsapp"
    }  # fmt: skip
    other = await make_business(system)
    for unknown in (other.id, "nobody"):
        assert (await public.get(f"/v1/public/businesses/{unknown}")).status_code == 404


@pytest.mark.parametrize("credential", [None, "Bearer", "Bearer nobody", "Basic x"])
async def test_no_stranger_learns_which_businesses_there_are(system: System, credential: str | None) -> None:
    """The credential comes first: the same answer for those that there are and those that there are not."""
    headers = {} if credential is None else {"Authorization": credential}
    async with client_with(system, **headers) as stranger:
        answers = [
            await stranger.get(f"/v1/public/businesses/{id_}") for id_ in (system.business, "nobody", "b-0", "%00")
        ]
    assert [answer.status_code for answer in answers] == [401] * 4
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("path", ["/v1/public/forms", "/v1/public/webchats/1", "/v1/public/whatsapp/widgets"])
async def test_what_is_not_part_of_this_is_not_found(public: httpx.AsyncClient, path: str) -> None:
    """In the form of errors that libraries expect."""
    answer = await public.get(path)
    assert (answer.status_code, types_of(answer)) == (404, ["not_found"])


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_the_script_has_an_adapter_for_a_platform(stranger: httpx.AsyncClient, platform: str) -> None:
    """It is kept and asked about as the script alone is, and is another version than that."""
    alone = await stranger.get("/v1/c.js")
    found = await stranger.get("/v1/c.js", params={"for": platform})
    assert (found.status_code, found.headers["cache-control"]) == (200, alone.headers["cache-control"])
    assert f'"{platform}"' in found.text
    assert found.headers["etag"] != alone.headers["etag"]
    assert int(found.headers["content-length"]) < 3_500
    for name in ("/v1/c.js", "/v1/tracker.js"):
        at_hand = {"If-None-Match": found.headers["etag"]}
        again = await stranger.get(name, params={"for": platform.upper(), "v": "7"}, headers=at_hand)
        assert (again.status_code, again.content) == (304, b"")
    assert (await stranger.get("/v1/c.js?for=&v=7")).content == alone.content


@pytest.mark.parametrize(
    "query", ["for=stripe", "for=shopify.min", "for=../tracker", "for=shopify&for=vtex", "for=%00"]
)
async def test_an_adapter_that_there_is_not(stranger: httpx.AsyncClient, query: str) -> None:
    """The answer names those that there are."""
    refused = await stranger.get(f"/v1/c.js?{query}")
    assert refused.status_code == 422
    (fault,) = faults_of(refused)
    assert (fault["type"], fault["parameter"]) == ("invalid", "for")
    assert all(platform in fault["description"] for platform in PLATFORMS)


async def test_a_page_says_whose_a_checkout_is(public: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    """The answer is the same whatever is known, and however often it is said; from another site's page too."""
    said = {"session": await new_session(public), "source": "shopify", "token": secrets.token_hex(8)}
    for again in (said, said, said | {"session": secrets.token_hex(16)}, said | {"note": "kept by nobody"}):
        answer = await public.post("/v1/public/bindings", json=again, headers={"Origin": ORIGIN})
        assert (answer.status_code, answer.json()) == (200, {"status": "received"})
        assert answer.headers["access-control-allow-origin"] == "*"
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert (await stranger.options("/v1/public/bindings", headers=asked)).status_code == 204
    assert (await stranger.post("/v1/public/bindings", json=said)).status_code == 401


@pytest.mark.parametrize(
    ("said", "field", "kind"),
    [
        ({"session": "no/slash"}, "session", "invalid"),
        ({"session": None}, "session", "parameter_missing"),
        ({"source": ""}, "source", "parameter_invalid_empty"),
        ({"source": "x" * 101}, "source", "invalid"),
        ({"token": "short"}, "token", "invalid"),
        ({"token": "x" * 201}, "token", "invalid"),
        ({"token": "undefined"}, "token", "invalid"),
        ({"token": ["a"]}, "token", "invalid"),
    ],
)
async def test_a_checkout_that_is_none(
    public: httpx.AsyncClient, said: dict[str, object], field: str, kind: str
) -> None:
    """Each fault is told with its field."""
    whole = {"session": secrets.token_hex(16), "source": "shopify", "token": secrets.token_hex(8)}
    refused = await public.post("/v1/public/bindings", json=whole | said)
    assert refused.status_code == 422
    assert [(fault["type"], fault["parameter"]) for fault in faults_of(refused)] == [(kind, field)]
