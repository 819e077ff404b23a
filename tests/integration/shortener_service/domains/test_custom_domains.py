"""Custom domains."""

import pytest

from clicktrail.shortener.v1 import domain_service_pb2, link_service_pb2, redirect_service_pb2
from common.errors import Reason
from tests.integration.shortener_service.conftest import on_a_cluster_too
from tests.support.shortener_service.callers import BUSINESS, DESTINATION, SECONDS, Caller, fields_of, refusal

HOST = "go.example.com"
REDIRECT = redirect_service_pb2.OUTCOME_KIND_REDIRECT
NOT_FOUND = redirect_service_pb2.OUTCOME_KIND_NOT_FOUND
GONE = redirect_service_pb2.OUTCOME_KIND_GONE


@on_a_cluster_too
async def test_a_domain_serves_its_own_links_alone(shortener: Caller) -> None:
    """A link on a custom domain is served there and nowhere else; any other host serves the default domain's."""
    await shortener.register(HOST)
    own = await shortener.create(domain=HOST, code="summer")
    default = await shortener.create(code="winter")
    assert (own.id, own.short_url) == (f"{HOST}:summer", f"https://{HOST}/summer")
    kinds = {
        (host, code): (await shortener.click(code, host=host)).kind
        for host in (HOST, "GO.Example.com.", "localhost", "other.example.com")
        for code in ("summer", "winter")
    }
    assert [place for place, kind in kinds.items() if kind == REDIRECT] == [
        (HOST, "summer"),
        ("GO.Example.com.", "summer"),
        ("localhost", "winter"),
        ("other.example.com", "winter"),
    ]
    same_code = await shortener.create(code="summer", destination="https://default.example.com/")
    assert same_code.id == "summer"
    assert (await shortener.click("summer", host=HOST)).location.startswith("https://shop.example.com/")
    read = await shortener.links.GetLink(
        link_service_pb2.GetLinkRequest(business_id=BUSINESS, id=own.id), timeout=SECONDS
    )
    assert read.link == own
    assert default.id == "winter"


async def test_a_link_needs_its_own_business_domain(shortener: Caller) -> None:
    """A link on a domain that is not registered for its business is refused, and one that leads to a domain."""
    await shortener.register(HOST, business_id="other")
    error = await refusal(shortener.create(domain=HOST))
    assert error.reason is Reason.DOMAIN_UNKNOWN
    assert fields_of(error) == {"domain"}
    assert fields_of(await refusal(shortener.create(destination=f"https://{HOST}:8443/x"))) == {"destination"}


async def test_a_domains_fallback(shortener: Caller) -> None:
    """Dead and unknown codes of a domain lead to its fallback; a link's own comes first."""
    await shortener.register(HOST, fallback_url="https://shop.example.com/none")
    own = await shortener.create(domain=HOST, code="summer", fallback_url="https://shop.example.com/own")
    dead = await shortener.create(domain=HOST, code="winter")
    for link in (own, dead):
        await shortener.disable(link.id)
    locations = {
        code: (await shortener.click(code, host=HOST)).location for code in ("summer", "winter", "none", "a/b")
    }
    none = "https://shop.example.com/none"
    assert locations == {"summer": "https://shop.example.com/own", "winter": none, "none": none, "a/b": none}
    assert (await shortener.click("none")).kind == NOT_FOUND


async def test_registering_again(shortener: Caller) -> None:
    """Registering again changes the fallback; another business cannot have the domain."""
    await shortener.register(HOST)
    await shortener.register(HOST, fallback_url=DESTINATION)
    await shortener.register(HOST, fallback_url=DESTINATION)
    await shortener.register("a.example.com")
    assert (await refusal(shortener.register(HOST, business_id="other"))).reason is Reason.DOMAIN_TAKEN
    request = domain_service_pb2.ListDomainsRequest(business_id=BUSINESS)
    listed = (await shortener.domains.ListDomains(request, timeout=SECONDS)).domains
    assert [(domain.name, domain.fallback_url) for domain in listed] == [("a.example.com", ""), (HOST, DESTINATION)]


async def test_domains_are_few(shortener: Caller) -> None:
    """A business has at most 50 domains; those it has can still be changed."""
    for number in range(50):
        await shortener.register(f"go{number}.example.com")
    assert fields_of(await refusal(shortener.register("go50.example.com"))) == {"name"}
    await shortener.register("go49.example.com", fallback_url=DESTINATION)
    await shortener.register("go50.example.com", business_id="other")


async def test_a_removed_domain(shortener: Caller) -> None:
    """A removed domain serves no link any more, and none of them to the business that registers it next."""
    await shortener.register(HOST)
    await shortener.create(domain=HOST, code="summer")
    request = domain_service_pb2.RemoveDomainRequest(business_id=BUSINESS, name=HOST)
    await shortener.domains.RemoveDomain(request, timeout=SECONDS)
    assert (await shortener.click("summer", host=HOST)).kind == NOT_FOUND
    assert (await refusal(shortener.domains.RemoveDomain(request, timeout=SECONDS))).reason is Reason.DOMAIN_UNKNOWN
    await shortener.register(HOST, business_id="other")
    assert (await shortener.click("summer", host=HOST)).kind == NOT_FOUND
    await _remove_as_other(shortener)
    await shortener.register(HOST)
    assert (await shortener.click("summer", host=HOST)).kind == REDIRECT


@pytest.mark.parametrize(
    "name", ["localhost", "Go.example.com", "go.example.com.", "https://x.example.com", "a b.c", ""]
)
async def test_a_domain_is_a_host_name(shortener: Caller, name: str) -> None:
    """Only a host name in lower case can be registered, and not our own."""
    assert fields_of(await refusal(shortener.register(name))) == {"name"}


async def test_a_fallback_is_checked(shortener: Caller) -> None:
    """A fallback follows the rules of destinations, and does not lead back to its own domain."""
    for fallback in ("ftp://x", f"https://{HOST}/x", "http://localhost:8080/x"):
        assert fields_of(await refusal(shortener.register(HOST, fallback_url=fallback))) == {"fallback_url"}


async def _remove_as_other(shortener: Caller) -> None:
    request = domain_service_pb2.RemoveDomainRequest(business_id="other", name=HOST)
    await shortener.domains.RemoveDomain(request, timeout=SECONDS)
