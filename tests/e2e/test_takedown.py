"""What is taken down by the operator, and whose a domain is: through the command and the API of a whole system."""

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.e2e.api.test_bad_input import faults_of
from tests.e2e.businesses import Business, client_of, make_business
from tests.e2e.conftest import System
from tests.e2e.test_commands import clicktrail
from tests.e2e.test_trail import make_link, report_when
from tests.support.system import ABUSE_ADDRESS
from tests.support.waiting import eventually

PAGE = {"Accept": "text/html,*/*;q=0.8"}
NOT_ALLOWED = 3


@pytest_asyncio.fixture
async def shop(system: System) -> Business:
    """Make a business of this test's own."""
    return await make_business(system)


@pytest_asyncio.fixture
async def server(system: System, shop: Business) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client with its private token."""
    async with client_of(system, shop.token) as client:
        yield client


@pytest.fixture
def operator(system: System) -> list[str]:
    """Return the options that an operator calls the shortener with."""
    return ["--shortener", system.shortener, "--key-file", str(system.operator_key)]


def told(response: httpx.Response) -> list[tuple[str, str | None]]:
    """Return the type and the field of each error of an answer."""
    return [(fault["type"], fault.get("parameter")) for fault in faults_of(response)]


async def test_a_link_is_blocked_and_unblocked(
    server: httpx.AsyncClient, phone: httpx.AsyncClient, operator: list[str]
) -> None:
    """By its short URL: 410 without its destination for visitors, the reason for its business; its clicks are kept."""
    link = await make_link(
        server, destination="https://shop.example.com/secret-offer", fallback_url="https://a.example/"
    )
    path = f"/{link['code']}"
    assert (await phone.get(path)).status_code == 302
    assert link["blocked_at"] is None
    done = clicktrail("links", "block", link["short_url"] + "?utm=1", "--reason", "phishing", *operator)
    assert (done.returncode, done.stderr) == (0, "")
    for suffix in ("", "+", ".svg"):
        page = await phone.get(path + suffix, headers=PAGE)
        assert page.status_code == 410, suffix
        assert "This link has been blocked" in page.text
        program = await phone.get(path + suffix, headers={"Accept": "application/json"})
        assert told(program) == [("not_allowed", None)]
        for answer in (page, program):
            assert "secret-offer" not in answer.text
            assert "a.example" not in answer.text
            assert "location" not in answer.headers
    read = (await server.get(f"/v1/links/{link['id']}")).json()
    assert (read["blocked_reason"], read["disabled"]) == ("phishing", False)
    assert read["blocked_at"]
    lifting = await server.patch(f"/v1/links/{link['id']}", json={"blocked_at": None, "disabled": False})
    assert (lifting.status_code, told(lifting)) == (422, [("invalid", "blocked_at")])
    changed = (await server.patch(f"/v1/links/{link['id']}", json={"disabled": False})).json()
    assert (changed["blocked_at"], changed["disabled"]) == (read["blocked_at"], False)

    async def listed() -> dict[str, Any]:
        found: dict[str, Any] = (await server.get("/v1/links")).json()["links"][0]
        return found

    await eventually(listed, lambda seen: seen["blocked_reason"] == "phishing")
    # One before, and three while it was blocked: `+` and `.svg` are none.
    await report_when(server, link["campaign"], clicks=3)
    done = clicktrail("links", "unblock", link["id"], *operator)
    assert (done.returncode, done.stderr) == (0, "")
    assert (await phone.get(path)).status_code == 302


async def test_a_refused_host(server: httpx.AsyncClient, phone: httpx.AsyncClient, operator: list[str]) -> None:
    """By one command: 422 by the field for new links, the page of blocked ones for others, until it is allowed."""
    host = f"bücher-{secrets.token_hex(4)}.example"
    link = await make_link(server, destination=f"https://www.{host}/x")
    path = f"/{link['code']}"
    assert (await phone.get(path)).status_code == 302
    assert clicktrail("hosts", "refuse", host, "--reason", "malware", *operator).returncode == 0
    refused = await server.post("/v1/links", json={"destination": f"https://{host}/y"})
    assert (refused.status_code, told(refused)) == (422, [("invalid", "destination")])

    async def status() -> int:
        return (await phone.get(path)).status_code

    await eventually(status, lambda seen: seen == 410)
    assert "This link has been blocked" in (await phone.get(path, headers=PAGE)).text
    listed = json.loads(clicktrail("hosts", "list", "--json", *operator).stdout)["hosts"]
    name = host.encode("idna").decode()
    assert [(one["name"], one["reason"]) for one in listed if one["name"] == name] == [(name, "malware")]
    assert name in clicktrail("hosts", "list", *operator).stdout
    assert clicktrail("hosts", "allow", host, *operator).returncode == 0
    await eventually(status, lambda seen: seen == 302)
    assert clicktrail("hosts", "allow", host, *operator).returncode == 1


@pytest.mark.parametrize(
    "command",
    [("links", "block", "abcdef"), ("links", "unblock", "abcdef"), ("hosts", "refuse", "a.example"),
     ("hosts", "allow", "a.example"), ("hosts", "list"), ("domain", "add", "go.a.example", "--without-proof")],
)  # fmt: skip
def test_only_operators_take_down(system: System, shop: Business, tmp_path: Path, command: tuple[str, ...]) -> None:
    """A business's own token opens none of it."""
    token = tmp_path / "token"
    token.write_text(shop.token)
    where = ["--shortener", system.shortener, "--key-file", str(token)]
    owner = ["--business", shop.id] if command[0] == "domain" else []
    done = clicktrail(*command, *where, *owner)
    assert done.returncode == NOT_ALLOWED
    assert "not allowed" in done.stderr


def test_what_is_no_link_is_told(operator: list[str]) -> None:
    """Before anything is called, and where there is none."""
    assert "is no short URL" in clicktrail("links", "block", "https://go.example.com/", *operator).stderr
    unknown = clicktrail("links", "block", "nosuchlink", *operator)
    assert unknown.returncode == 1
    assert unknown.stderr.endswith("There is no link nosuchlink.\n")


async def test_a_domain_is_proved_over_http(system: System, server: httpx.AsyncClient) -> None:
    """Asked for, told what is missing, proved, listed, changed, removed."""
    host = f"go-{secrets.token_hex(4)}.example.com"
    claimed = await server.post("/v1/domains", json={"name": host})
    assert claimed.status_code == 200, claimed.text
    domain = claimed.json()
    assert (domain["name"], domain["verified_at"], domain["record"]["type"]) == (host, None, "TXT")
    assert "business_id" not in domain
    verification = f"/v1/domains/{host}/verification"
    missing = await server.post(verification)
    assert (missing.status_code, told(missing)) == (422, [("not_found", "name")])
    assert domain["record"]["value"] in missing.text
    system.names.texts[domain["record"]["name"]] = [domain["record"]["value"]]
    proved = await server.post(verification)
    assert proved.status_code == 200, proved.text
    assert proved.json()["verified_at"]
    listed = (await server.get("/v1/domains")).json()
    assert [one["name"] for one in listed["domains"]] == [host]
    assert listed["has_more"] is False
    link = await make_link(server, domain=host)
    assert link["short_url"].startswith(f"https://{host}/")
    changed = await server.patch(f"/v1/domains/{host}", json={"fallback_url": "https://shop.example.com/none"})
    assert changed.json()["fallback_url"] == "https://shop.example.com/none"
    wrong = await server.patch(f"/v1/domains/{host}", json={"fallback_url": "ftp://x"})
    assert (wrong.status_code, told(wrong)) == (422, [("invalid", "fallback_url")])
    other = await make_business(system)
    async with client_of(system, other.token) as stranger:
        assert (await stranger.patch(f"/v1/domains/{host}", json={"fallback_url": None})).status_code == 404
        assert (await stranger.delete(f"/v1/domains/{host}")).status_code == 404
        assert (await stranger.get("/v1/domains")).json()["domains"] == []
    assert (await server.delete(f"/v1/domains/{host}")).status_code == 204
    assert (await server.get("/v1/domains")).json()["domains"] == []


def test_a_domain_is_proved_by_the_command(system: System, shop: Business, tmp_path: Path) -> None:
    """With the business's own token: the record to set, in columns; then the domain serves, and is listed."""
    host = f"go-{secrets.token_hex(4)}.example.com"
    token = tmp_path / "token"
    token.write_text(shop.token)
    where = ["--shortener", system.shortener, "--key-file", str(token), "--business", shop.id]
    added = clicktrail("domain", "add", host, *where)
    assert added.returncode == 0, added.stderr
    record = dict(line.split(maxsplit=1) for line in added.stdout.splitlines())
    assert (record["type"], record["name"]) == ("TXT", f"_clicktrail.{host}")
    system.names.texts[record["name"]] = ["another"]
    missing = clicktrail("domain", "verify", host, *where)
    assert (missing.returncode, '"another"' in missing.stderr) == (1, True)
    system.names.texts[record["name"]] = [record["value"]]
    assert clicktrail("domain", "verify", host, *where).returncode == 0
    assert host in clicktrail("domain", "list", *where).stdout
    (listed,) = json.loads(clicktrail("domain", "list", "--json", *where).stdout)["domains"]
    assert listed["verified_at"]
    assert clicktrail("domain", "remove", host, *where).returncode == 0
    assert json.loads(clicktrail("domain", "list", "--json", *where).stdout)["domains"] == []


async def test_a_page_of_a_link_says_where_to_report_it(server: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """The address that the operator has set, beside where the link leads."""
    link = await make_link(server)
    page = await phone.get(f"/{link['code']}+", headers=PAGE)
    assert f'<a href="{ABUSE_ADDRESS}"' in page.text
    assert "Report this link" in page.text
