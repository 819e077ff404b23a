"""A person is erased over HTTP, through every process and both stores."""

import secrets
from typing import Any

import httpx

from tests.e2e.test_trail import activities_when, make_link, path_of, report_when, session_of
from tests.support.waiting import eventually


async def test_an_erased_person_is_gone_and_the_link_leads_on(
    private: httpx.AsyncClient, phone: httpx.AsyncClient
) -> None:
    """204, then 404; the link has no profile in any answer, redirects and counts, and the counts before stay."""
    profile = f"p-{secrets.token_hex(6)}"
    asked = {"profile": profile, "external_id": profile}
    link = await make_link(private, **asked)
    first = await phone.get(path_of(link["short_url"]))
    campaign = link["campaign"]
    await activities_when(private, profile, 1)
    assert (await private.delete(f"/v1/profiles/{profile}")).status_code == 204
    assert (await private.get(f"/v1/profiles/{profile}")).status_code == 404
    assert (await private.get(f"/v1/profiles/{profile}/activities")).status_code == 404
    assert (await private.get(f"/v1/sessions/{session_of(first)}")).json()["profile"] is None

    async def read() -> dict[str, Any]:
        found: dict[str, Any] = (await private.get(f"/v1/links/{link['id']}")).json()
        return found

    read_again = await eventually(read, lambda seen: seen["profile"] is None)
    assert (read_again["external_id"], read_again["destination"]) == (None, link["destination"])
    listed = (await private.get("/v1/links", params={"campaign": campaign})).json()["links"]
    assert [(one["id"], one["profile"]) for one in listed] == [(link["id"], None)]
    second = await phone.get(path_of(link["short_url"]))
    assert second.status_code == 302
    await report_when(private, campaign, clicks=2, recipients=1)
    assert (await private.get(f"/v1/profiles/{profile}")).status_code == 404
    again = await make_link(private, campaign=campaign, **asked)
    assert (again["id"], again["profile"]) == (link["id"], None)
