"""Listings of links, from their copies."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from grpc import aio

from clicktrail.shortener.v1 import domain_service_pb2
from clicktrail.tracking.v1 import link_archive_service_pb2 as pb
from clicktrail.tracking.v1 import link_archive_service_pb2_grpc
from common.clock import to_timestamp
from tests.support.tracking_service.calling import SECONDS, Caller, failure, faults
from tests.support.tracking_service.clicking import START, link

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

Stub = link_archive_service_pb2_grpc.LinkArchiveServiceStub
pytestmark = pytest.mark.usefixtures("business")


@pytest_asyncio.fixture
async def archive(channel: aio.Channel) -> Stub:
    """Return the stub of LinkArchiveService, with five links: of ana and ben, one of them of a journey."""
    created = [to_timestamp(START + timedelta(minutes=minute)) for minute in range(5)]
    await Caller(channel).deliver(
        links=[
            link("l0", created_at=created[0], profile="ana"),
            link("l1", created_at=created[1], profile="ben"),
            link("l2", created_at=created[2], campaign=None, journey="welcome", profile="ana"),
            link("l3", created_at=created[3], campaign="summer"),
            link("l4", created_at=created[4]),
            link("theirs", created_at=created[4], business_id="other"),
        ]
    )
    return Stub(channel)


async def page(archive: Stub, **fields: Any) -> tuple[list[str], bool]:
    """Return the ids of a page of links, and whether there are more."""
    answer = await archive.ListLinks(pb.ListLinksRequest(business_id="shop", **fields), timeout=SECONDS)
    return [one.id for one in answer.links], answer.has_more


async def test_links_are_listed_newest_first(archive: Stub) -> None:
    """In pages, in both directions; of one business alone."""
    assert await page(archive) == (["l4", "l3", "l2", "l1", "l0"], False)
    assert await page(archive, limit=2, starting_after="l3") == (["l2", "l1"], True)
    assert await page(archive, limit=2, ending_before="l2") == (["l4", "l3"], False)
    assert faults(await failure(page(archive, ending_before="theirs"))) == [("invalid", "ending_before")]


async def test_links_can_be_narrowed_down(archive: Stub) -> None:
    """To a campaign, a journey, a recipient, and more than one of them."""
    assert await page(archive, campaign="spring") == (["l4", "l1", "l0"], False)
    assert await page(archive, journey="welcome") == (["l2"], False)
    assert await page(archive, profile="ana", limit=1) == (["l2"], True)
    assert await page(archive, profile="ana", campaign="spring") == (["l0"], False)
    assert await page(archive, profile="nobody") == ([], False)


async def test_a_listed_link_is_whole(archive: Stub) -> None:
    """As it was delivered."""
    answer = await archive.ListLinks(pb.ListLinksRequest(business_id="shop", limit=1), timeout=SECONDS)
    expected = link("l4", created_at=to_timestamp(START + timedelta(minutes=4))).link
    assert answer.links[0] == expected


async def test_the_count_tells_whether_there_are_links(archive: Stub, database: "Database") -> None:
    """To tell an emptied Redis from a new one: no more is promised."""
    assert (await archive.CountLinks(pb.CountLinksRequest(), timeout=SECONDS)).count >= 1
    await database.execute("TRUNCATE links")
    assert (await archive.CountLinks(pb.CountLinksRequest(), timeout=SECONDS)).count == 0


@pytest.mark.parametrize("revision", [-1, 2**63 - 1])
async def test_a_revision_that_no_later_one_could_follow_is_refused(channel: aio.Channel, revision: int) -> None:
    """A restored domain with it could neither be changed nor removed."""
    domain = domain_service_pb2.Domain(name="go.example.com", business_id="shop")
    request = pb.KeepInstallationRequest(domains=[pb.DomainCopy(domain=domain, revision=revision)])
    error = await failure(Stub(channel).KeepInstallation(request, timeout=SECONDS))
    assert faults(error) == [("invalid", "domains.revision")]
