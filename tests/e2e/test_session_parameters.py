"""Links that carry their session under names of their own, to places where no page of the shop reads it."""

import re
import secrets

import httpx
import pytest

from tests.e2e.test_trail import make_link, path_of, report_when

# https://docs.stripe.com/payment-links/url-parameters
TAKEN_BY_STRIPE = re.compile(r"[A-Za-z0-9_-]{1,200}")
PAYMENT = "https://buy.stripe.com/test_4gM1invented"


@pytest.mark.parametrize("destination", [PAYMENT, f"{PAYMENT}?locale=es&client_reference_id=copied-along"])
async def test_a_payment_link_carries_the_session(
    private: httpx.AsyncClient, phone: httpx.AsyncClient, destination: str
) -> None:
    """As `client_reference_id`, and nothing else of ours; what the payment then tells with it is the campaign's."""
    campaign = f"c-{secrets.token_hex(6)}"
    wanted = {"destination": destination, "campaign": campaign, "profile": f"p-{secrets.token_hex(6)}"}
    link = await make_link(private, **wanted, session_parameters=["client_reference_id"])
    location = (await phone.get(path_of(link["short_url"]))).headers["location"]
    before, _, session = location.partition("client_reference_id=")
    assert before in (f"{PAYMENT}?", f"{PAYMENT}?locale=es&")
    assert TAKEN_BY_STRIPE.fullmatch(session)
    order = {"reference": secrets.token_hex(8), "source": "stripe"}
    event = {"action": "order.placed", "session": session, "amount": "59.90", "currency": "USD"}
    paid = await private.post("/v1/attribution/events", json=event | {"object_parameters": order})
    assert paid.status_code == 200, paid.text
    report = await report_when(private, campaign, conversions=1)
    assert report["totals"]["revenue"] == [{"amount": "59.90", "currency": "USD"}]


async def test_a_cart_link_carries_the_session_as_an_attribute(
    private: httpx.AsyncClient, phone: httpx.AsyncClient
) -> None:
    """In brackets, which are percent-encoded in the address; the link tells its names as they were given."""
    names = ["attributes[hello_session]", "hello_session"]
    destination = "https://shop.example.com/cart/7:1"
    link = await make_link(private, destination=destination, session_parameters=names)
    location = httpx.URL((await phone.get(path_of(link["short_url"]))).headers["location"])
    session = location.params["hello_session"]
    assert str(location) == f"{destination}?attributes%5Bhello_session%5D={session}&hello_session={session}"
    assert location.params["attributes[hello_session]"] == session


@pytest.mark.parametrize("name", ["a b", "attributes.hello", "a]=1&b[", "a%5Bb%5D"])
async def test_other_names_are_refused(private: httpx.AsyncClient, name: str) -> None:
    """By the field."""
    sent = {"destination": "https://shop.example.com/", "session_parameters": [name]}
    refused = await private.post("/v1/links", json=sent)
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "session_parameters")
