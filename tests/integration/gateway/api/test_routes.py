"""Routes derived from the protos, and those of pages."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from clicktrail.shortener.v1 import link_service_pb2, session_service_pb2
from clicktrail.tracking.v1 import event_pb2, report_service_pb2
from clicktrail.tracking.v1 import session_service_pb2 as tracking_session_pb2
from clicktrail.tracking.v1.profile_service_pb2 import (
    ACTIVITY_INCLUSION_ALL,
    ACTIVITY_INCLUSION_UNSPECIFIED,
    ListActivitiesRequest,
    UpdateProfileRequest,
)
from tests.support.gateway.answers import faults_of
from tests.support.gateway.peer import BUSINESS, KNOWN_SESSION, LISTED, LISTED_ORIGIN, STORE_DOWN
from tests.support.gateway.peers import Peers


async def test_a_link_is_created(server: httpx.AsyncClient, peers: Peers) -> None:
    """For the business of the token: a body cannot name another."""
    body = '{"destination":"https://a.example","metadata":{"n":1.10}}'
    response = await server.post("/v1/links", content=body)
    assert response.status_code == 201
    assert response.json()["destination"] == "https://a.example"
    assert '"metadata":{"n":1.10}' in response.text
    assert peers.links.last(link_service_pb2.CreateLinkRequest).business_id == BUSINESS
    other = await server.post("/v1/links", json={"destination": "https://a.example", "business_id": "other"})
    assert (other.status_code, faults_of(other)) == (422, [("invalid", "business_id")])


@pytest.mark.parametrize(
    ("method", "path", "body", "unknown"),
    [
        ("POST", "/v1/links", {"destination": "https://a.example", "campain": "spring"}, ["campain"]),
        ("POST", "/v1/links", {"destination": "https://a.example", "utm": {"sorce": "x"}}, ["utm.sorce"]),
        ("POST", "/v1/links?campaign=spring", {"destination": "https://a.example"}, ["campaign"]),
        ("PATCH", "/v1/links/abc", {"destination": "https://b.example", "odd": 1}, ["odd"]),
        ("POST", "/v1/links/batch", {"template": {"destination": "https://a.example", "x": 1}, "recipients": [{}]},
         ["template.x"]),
        ("POST", "/v1/links/batch", {"template": {"destination": "https://a.example"}, "recipients": [{}], "y": 1},
         ["y"]),
        ("POST", "/v1/profiles", {"id": "ana", "e_mail": "a@example.com", "nick": "a"}, ["e_mail", "nick"]),
        ("POST", "/v1/actions", {"name": "lead.won", "titel": "Won"}, ["titel"]),
        ("GET", "/v1/profiles?emial=a%40example.com", None, ["emial"]),
        ("GET", "/v1/links?campain=spring&limit=2", None, ["campain"]),
        ("GET", "/v1/profiles/ana/activities?limit=2&odd=1", None, ["odd"]),
        ("GET", "/v1/campaigns/spring/report?form=2026-01-01T00:00:00Z", None, ["form"]),
    ],
)  # fmt: skip
async def test_what_is_unknown_is_named(
    server: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None, unknown: list[str]
) -> None:
    """A misspelt field would make another thing than was meant, and a misspelt filter answer with others' things."""
    response = await server.request(method, path, json=body)
    assert (response.status_code, faults_of(response)) == (422, [("invalid", name) for name in unknown])


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        ({"destination": "ftp://a.example"}, 422, ("invalid", "destination")),
        ({"destination": 7}, 422, ("invalid", "destination")),
        ({"destination": "https://a.example", "code": "taken"}, 422, ("parameter_not_unique", "code")),
        ({"destination": "https://a.example", "external_id": "other"}, 409, ("conflict", "external_id")),
    ],
)
async def test_a_faulty_link_is_refused(
    server: httpx.AsyncClient, body: dict[str, Any], status: int, fault: tuple[str, str]
) -> None:
    """The field is named, whoever finds the fault."""
    response = await server.post("/v1/links", json=body)
    assert (response.status_code, faults_of(response)) == (status, [fault])


async def test_links_are_created_in_bulk(server: httpx.AsyncClient) -> None:
    """Each is itself in the answer, or its errors."""
    recipients = [{"profile": "ana", "external_id": "1"}, {"profile": "bad", "external_id": "2"}]
    body = {"template": {"destination": "https://a.example"}, "recipients": recipients}
    response = await server.post("/v1/links/batch", json=body)
    assert response.status_code == 200
    good, bad = response.json()["links"]
    assert good["code"] == "code0"
    assert bad == {"external_id": "2", "errors": [{"type": "invalid", "parameter": "profile", "description": "Bad."}]}
    wrong = await server.post("/v1/links/batch", json={"template": {"destination": 1}, "recipients": [{"profile": []}]})
    assert wrong.status_code == 422
    assert {parameter for _, parameter in faults_of(wrong)} == {"template.destination", "recipients.0.profile"}


async def test_a_recipient_that_cannot_be_read_fails_alone(server: httpx.AsyncClient, peers: Peers) -> None:
    """In its place, with its external id where that can be read; the links of the others are made."""
    recipients: list[Any] = [
        {"profile": "ana", "external_id": "1"}, {"profile": "bob", "external_id": "2\0"}, "eve", None,
        {"profile": 7, "external_id": "5"}, {"profile": "bad", "external_id": "6"},
        {"profile": [], "external_id": "\ud800"}, {"profile": "dan", "external_id": "8"},
    ]  # fmt: skip
    body = json.dumps({"template": {"destination": "https://a.example"}, "recipients": recipients})
    response = await server.post("/v1/links/batch", content=body)
    assert response.status_code == 200
    links = response.json()["links"]
    assert [link.get("code") for link in links] == ["code0", *[None] * 6, "code2"]
    assert [(link["external_id"], [fault["parameter"] for fault in link["errors"]]) for link in links[1:7]] == [
        (None, ["external_id"]), (None, ["recipients.2"]), (None, ["recipients.3"]), ("5", ["profile"]),
        ("6", ["profile"]), (None, ["profile", "external_id"]),
    ]  # fmt: skip
    assert {fault["type"] for link in links[1:7] for fault in link["errors"]} == {"invalid"}
    request = peers.links.last(link_service_pb2.BatchCreateLinksRequest)
    assert [recipient.profile for recipient in request.recipients] == ["ana", "bad", "dan"]


async def test_recipients_of_whom_none_can_be_read_are_answered(server: httpx.AsyncClient, peers: Peers) -> None:
    """Without a call."""
    body = {"template": {"destination": "https://a.example"}, "recipients": [1, {"external_id": {}}]}
    response = await server.post("/v1/links/batch", json=body)
    assert response.status_code == 200
    parameters = [[fault["parameter"] for fault in link["errors"]] for link in response.json()["links"]]
    assert parameters == [["recipients.0"], ["external_id"]]
    assert peers.links.requests == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [({}, "parameter_missing"), ({"recipients": None}, "parameter_missing"), ({"recipients": {}}, "invalid"),
     ({"recipients": []}, "parameter_invalid_empty"), ({"recipients": [1] * 10_001}, "invalid")],
)  # fmt: skip
async def test_a_batch_needs_recipients(
    server: httpx.AsyncClient, peers: Peers, body: dict[str, Any], fault: str
) -> None:
    """One to ten thousand, readable or not; what else is wrong is told with it."""
    response = await server.post("/v1/links/batch", json={"template": {"destination": "https://a.example"}} | body)
    assert (response.status_code, faults_of(response)) == (422, [(fault, "recipients")])
    response = await server.post("/v1/links/batch", json={"template": 7} | body)
    assert set(faults_of(response)) == {("invalid", "template"), (fault, "recipients")}
    assert peers.links.requests == []


async def test_ten_thousand_links_fit_one_request(server: httpx.AsyncClient) -> None:
    """And their answer comes back."""
    recipients = [{"profile": f"p{number}", "external_id": str(number)} for number in range(10_000)]
    body = {"template": {"destination": "https://a.example"}, "recipients": recipients}
    response = await server.post("/v1/links/batch", json=body)
    assert len(response.json()["links"]) == 10_000


async def test_a_link_is_read_changed_and_disabled(server: httpx.AsyncClient, peers: Peers) -> None:
    """A change names the fields that the body has, null ones too."""
    assert (await server.get("/v1/links/go.example:abc")).json()["id"] == "go.example:abc"
    missing = await server.get("/v1/links/missing")
    assert (missing.status_code, faults_of(missing)) == (404, [("not_found", None)])
    changed = await server.patch("/v1/links/abc", json={"fallback_url": None, "destination": "https://b"})
    assert changed.status_code == 200
    request = peers.links.last(link_service_pb2.UpdateLinkRequest)
    assert (request.id, request.link.destination) == ("abc", "https://b")
    assert sorted(request.update_mask.paths) == ["destination", "fallback_url"]
    gone = await server.delete("/v1/links/abc")
    assert (gone.status_code, gone.content) == (204, b"")


async def test_what_was_read_may_be_sent_back(server: httpx.AsyncClient, peers: Peers) -> None:
    """What nobody can set is not in the mask."""
    body = {"id": "ana", "name": "Ana", "created_at": "2026-05-04T00:00:00Z"}
    assert (await server.patch("/v1/profiles/ana", json=body)).status_code == 200
    assert list(peers.profiles.last(UpdateProfileRequest).update_mask.paths) == ["name"]


async def test_activities_keep_what_was_sent(server: httpx.AsyncClient) -> None:
    """Numbers beyond doubles, lone surrogates; a click shows its device."""
    response = await server.get("/v1/profiles/ana/activities?limit=2")
    order, click = response.json()["activities"]
    assert '"big":9007199254740993,"odd":"\\ud800"' in response.text
    assert order["amount"] == {"amount": "395.00", "currency": "USD"}
    assert "device" not in order
    assert click["device"] == "mobile"
    assert response.json()["has_more"] is False


async def test_hits_of_programs_are_asked_for(server: httpx.AsyncClient, peers: Peers) -> None:
    """By `include=all`; another word is named."""
    for query, include in (("", ACTIVITY_INCLUSION_UNSPECIFIED), ("?include=all", ACTIVITY_INCLUSION_ALL)):
        assert (await server.get(f"/v1/profiles/ana/activities{query}")).status_code == 200
        assert peers.profiles.last(ListActivitiesRequest).include == include
    response = await server.get("/v1/profiles/ana/activities?include=bots")
    assert (response.status_code, faults_of(response)) == (422, [("invalid", "include")])


@pytest.mark.parametrize("limit", ["0", "101", "x", "-1", "", "1e1"])
async def test_a_list_has_1_to_100(server: httpx.AsyncClient, limit: str) -> None:
    """Anything else names the parameter."""
    response = await server.get(f"/v1/profiles/ana/activities?limit={limit}")
    assert (response.status_code, faults_of(response)) == (422, [("invalid", "limit")])


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/v1/campaigns/spring/report", "campaign"),
        ("/v1/journeys/j/report", "journey"),
        ("/v1/links/abc/report", "link"),
        ("/v1/report", None),
    ],
)
async def test_a_report_has_several_routes(
    server: httpx.AsyncClient, peers: Peers, path: str, scope: str | None
) -> None:
    """Each binding of the proto is one."""
    response = await server.get(f"{path}?from=2026-05-04T00:00:00Z&timezone=America/Montevideo&basis=event")
    assert response.status_code == 200
    assert '"clicks":9007199254740993' in response.text
    request = peers.reports.last(report_service_pb2.GetReportRequest)
    assert [name for name in ("campaign", "journey", "link") if request.HasField(name)] == ([scope] if scope else [])
    assert request.timezone == "America/Montevideo"
    assert request.from_time.seconds


@pytest.mark.parametrize("id_", ["a/b?c", "50% off", "año", "..", "a%2Fb", "{id}"])
async def test_an_id_may_hold_whatever_an_address_can_say(server: httpx.AsyncClient, peers: Peers, id_: str) -> None:
    """Each segment of a path is decoded by itself, and once."""
    written = quote(id_, safe="").replace(".", "%2E")
    assert (await server.get(f"/v1/campaigns/{written}/report")).json()["campaign"] == id_
    assert (await server.get(f"/v1/links/{written}")).json()["id"] == id_
    assert (await server.get(f"/v1/profiles/{written}/activities")).status_code == 200
    assert peers.profiles.last(ListActivitiesRequest).profile == id_


@pytest.mark.parametrize("path", ["/v1/campaigns/%ff/report", "/v1/links/%ff", "/v1/campaigns//report", "/v1%2Flinks"])
async def test_a_path_that_cannot_be_read_leads_nowhere(server: httpx.AsyncClient, path: str) -> None:
    """What is not UTF-8, an empty id, and a slash that parts nothing."""
    response = await server.get(path)
    assert (response.status_code, faults_of(response)) == (404, [("not_found", None)])


async def test_faults_of_a_query_name_its_parameters(server: httpx.AsyncClient) -> None:
    """All at once."""
    response = await server.get("/v1/report?from=soon&basis=x&timezone=%00")
    assert response.status_code == 422
    assert {parameter for _, parameter in faults_of(response)} == {"from", "basis", "timezone"}
    response = await server.get("/v1/profiles/ana/activities?limit=0&starting_after=%00")
    assert {parameter for _, parameter in faults_of(response)} == {"limit", "starting_after"}


async def test_a_session_comes_with_what_the_shortener_knows(server: httpx.AsyncClient, peers: Peers) -> None:
    """So that it is known, and whose it is, before its click has been delivered."""
    assert (await server.get(f"/v1/sessions/{KNOWN_SESSION}")).json()["profile"] == "ana"
    assert (await server.get("/v1/sessions/unknown1")).status_code == 404
    own = await server.patch(f"/v1/sessions/{KNOWN_SESSION}", json={"profile": "ana"})
    assert own.status_code == 200
    assert peers.sessions.last(tracking_session_pb2.AttachSessionRequest).received_at.seconds
    other = await server.patch(f"/v1/sessions/{KNOWN_SESSION}", json={"profile": "bob"})
    assert (other.status_code, faults_of(other)) == (422, [("identity_assigned", "profile")])


async def test_a_token_is_shown_once(server: httpx.AsyncClient) -> None:
    """At its creation."""
    created = await server.post("/v1/tokens", json={"name": "server"})
    assert (created.status_code, created.json()["token"]) == (201, "secret")
    assert "token" not in (await server.get("/v1/tokens")).json()["tokens"][0]


async def test_a_path_that_leads_nowhere_is_404(server: httpx.AsyncClient) -> None:
    """Below the API's own prefix, in the form of the API."""
    for path in ("/v1/forms", "/v1", "/v1/forms/"):
        response = await server.get(path)
        assert (response.status_code, faults_of(response)) == (404, [("not_found", None)])


async def test_a_wrong_method_names_the_right_ones(server: httpx.AsyncClient) -> None:
    """All of the path's, from whichever service."""
    response = await server.put("/v1/links", json={})
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "POST", "OPTIONS"}


async def test_a_failure_of_a_service_shows_a_request_id_alone(server: httpx.AsyncClient, peers: Peers) -> None:
    """The one that the answer's header has."""
    peers.links.failures.append(RuntimeError("the secret reason"))
    response = await server.post("/v1/links", json={"destination": "https://a.example"})
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.headers["x-request-id"] in response.json()["errors"][0]["description"]
    peers.links.failures.append(STORE_DOWN)
    response = await server.post("/v1/links", json={"destination": "https://a.example"})
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


async def test_a_page_gets_a_session(page: httpx.AsyncClient, peers: Peers) -> None:
    """With no body and no type."""
    response = await page.post("/v1/track/sessions")
    assert response.status_code == 201
    assert len(response.json()["id"]) == 32
    request = peers.fresh_sessions.last(session_service_pb2.IssueSessionRequest)
    assert (request.business_id, len(request.nonce)) == (BUSINESS, 50)


async def test_a_first_sign_of_life_has_no_session(page: httpx.AsyncClient, peers: Peers) -> None:
    """It is answered and not recorded; the next one is."""
    sent = {"utm_params": {"source": "x"}, "at": "2026-11-22T04:31:33.213Z"}
    assert (await page.post("/v1/public/acks", json=sent)).json() == {"status": "received"}
    assert peers.sessions.requests == []
    assert (await page.post("/v1/public/acks", json=sent | {"session": "abcdefgh"})).status_code == 200
    request = peers.sessions.last(tracking_session_pb2.AcknowledgeRequest)
    assert (request.business_id, request.session, request.utm_params.source) == (BUSINESS, "abcdefgh", "x")
    wrong = await page.post("/v1/public/acks", json={"session": 7, "at": "x", "business_id": "other"})
    assert {parameter for _, parameter in faults_of(wrong)} == {"session", "at"}


async def test_a_visitor_is_identified(page: httpx.AsyncClient, peers: Peers) -> None:
    """With the session as the shortener knows it."""
    sent = {"session": KNOWN_SESSION, "user_id": "7", "source": "shopify", "business_id": "other"}
    response = await page.post("/v1/public/identifications", json=sent)
    assert (response.status_code, response.json()) == (200, {"status": "received"})
    asked = peers.sessions.last(tracking_session_pb2.IdentifyRequest)
    assert (asked.business_id, asked.credential) == (BUSINESS, event_pb2.CREDENTIAL_PUBLIC)
    missing = await page.post("/v1/public/identifications", json={"user_id": ""})
    assert missing.status_code == 422
    assert set(faults_of(missing)) == {("parameter_missing", "session"), ("parameter_invalid_empty", "user_id")}


async def test_what_a_page_says_of_its_visitor_may_be_a_number(page: httpx.AsyncClient, peers: Peers) -> None:
    """Its digits are kept as they were sent."""
    sent = {"session": KNOWN_SESSION, "user_id": 17, "source": 3, "phone": 59899123456, "name": 1.50}
    assert (await page.post("/v1/public/identifications", json=sent)).status_code == 200
    asked = peers.sessions.last(tracking_session_pb2.IdentifyRequest)
    assert (asked.user_id, asked.source, asked.phone, asked.name) == ("17", "3", "59899123456", "1.5")
    refused = await page.post(
        "/v1/public/identifications", json=sent | {"session": 123456789, "email": ["a@example.com"]}
    )
    assert set(faults_of(refused)) == {("invalid", "session"), ("invalid", "email")}


async def test_a_checkout_is_said_to_be_a_sessions(page: httpx.AsyncClient, peers: Peers) -> None:
    """With the session as the shortener knows it; a number's digits are kept, and each fault is told with its field."""
    sent = {"session": KNOWN_SESSION, "source": "shopify", "token": 123456789012, "business_id": "other"}
    response = await page.post("/v1/public/bindings", json=sent)
    assert (response.status_code, response.json()) == (200, {"status": "received"})
    asked = peers.sessions.last(tracking_session_pb2.BindTokenRequest)
    assert (asked.business_id, asked.session, asked.source, asked.token) == (
        BUSINESS, KNOWN_SESSION, "shopify", "123456789012",
    )  # fmt: skip
    assert asked.fresh_session.id == KNOWN_SESSION
    assert asked.HasField("received_at")
    missing = await page.post("/v1/public/bindings", json={"source": "", "token": [1]})
    assert missing.status_code == 422
    assert set(faults_of(missing)) == {
        ("parameter_missing", "session"), ("parameter_invalid_empty", "source"), ("invalid", "token"),
    }  # fmt: skip


async def test_a_beacon_says_whose_a_checkout_is(web: httpx.AsyncClient, peers: Peers) -> None:
    """As plain text, with the business in the address: a page that closes sends it so."""
    body = json.dumps({"session": KNOWN_SESSION, "source": "vtex", "token": "11c257869e444e71"})
    response = await web.post(f"/v1/public/bindings?business={BUSINESS}", content=body)
    assert response.status_code == 200
    assert peers.sessions.last(tracking_session_pb2.BindTokenRequest).source == "vtex"


async def test_a_business_shows_its_public_settings(page: httpx.AsyncClient) -> None:
    """Its own alone."""
    response = await page.get(f"/v1/public/businesses/{BUSINESS}")
    assert response.json() == {
        "id": BUSINESS, "locale": "en", "country": {"code": "UY", "prefix": "598"}, "features": {},
        "whitelist": "disabled", "subscription": "active", "webchat": None, "whatsapp": None,
    }  # fmt: skip
    for other in ("nobody", LISTED, "%00", "%ff"):
        assert (await page.get(f"/v1/public/businesses/{other}")).status_code == 404


@pytest.mark.parametrize(
    "credential", ["", "Bearer", "Bearer nobody", "Basic abc", "Bearer a b", f"Bearer {'x' * 600}"]
)
async def test_other_credentials_are_refused(web: httpx.AsyncClient, credential: str) -> None:
    """Missing, unknown, of another kind."""
    for method, path in (("GET", "/v1/links/abc"), ("POST", "/v1/track/events"), ("POST", "/v1/track/sessions")):
        response = await web.request(method, path, headers={"Authorization": credential})
        assert (response.status_code, faults_of(response)) == (401, [("unauthorized", None)])


async def test_a_business_may_list_its_origins(web: httpx.AsyncClient) -> None:
    """Then other ones are refused; no origin is no page."""
    for origin, status in ((LISTED_ORIGIN, 201), ("https://evil.example", 401), (None, 201), ("null", 401)):
        headers = {"Authorization": f"Bearer {LISTED}"} | ({"Origin": origin} if origin else {})
        response = await web.post("/v1/track/sessions", headers=headers)
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (status, "*")


@pytest.mark.parametrize("path", ["/v1/track/events", "/v1/nowhere", "/v1/links/abc"])
async def test_a_preflight_needs_no_credential(web: httpx.AsyncClient, path: str) -> None:
    """It allows whatever headers the page wants to send."""
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization, x-own"}  # fmt: skip
    response = await web.options(path, headers=asked)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-headers"] == "authorization, x-own"
    assert response.headers["access-control-allow-methods"] == "GET, POST, PATCH, DELETE, OPTIONS"
    assert response.headers["access-control-max-age"] == "86400"


async def test_every_answer_can_be_read_by_a_page(web: httpx.AsyncClient) -> None:
    """Errors of all kinds have the headers too."""
    for method, path in (("GET", "/v1/nowhere"), ("PUT", "/v1/links"), ("POST", "/v1/track/events")):
        response = await web.request(method, path, content=b"{}")
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["access-control-expose-headers"] == "Retry-After, X-Request-Id"
        assert response.headers["x-request-id"]
        assert json.loads(response.content)["errors"]
