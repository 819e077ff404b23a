"""What older code wrote, before there was any provenance and beside code that knows it, comes to the same figures."""

from typing import TYPE_CHECKING

import pytest

from clicktrail.tracking.v1 import event_pb2, report_service_pb2
from common.clock import to_timestamp
from tests.integration.tracking_service.reports.test_worked_example import money, settle
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.clicking import START, click, link
from tests.support.tracking_service.events import order
from tracking_service.postgres.migrate import migrations

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

POST = next(step.sql for step in migrations() if step.name == "0005_post_provenance")
# As code without provenance takes an entry back and writes it anew; what both count adds up to nothing.
OLDER = """
INSERT INTO credits (business_id, event_id, entry, sign, click_id, clicked_at, link_created_at, link, campaign, action,
                     occurred_at, conversions, revenue_minor, currency, rules_version)
SELECT business_id, event_id, entry + step, CASE step WHEN 1 THEN -1 ELSE 1 END, click_id, clicked_at, link_created_at,
       link, campaign, action, occurred_at, conversions, revenue_minor, currency, 2
FROM credits CROSS JOIN (VALUES (1), (2)) AS steps (step)
"""
Part = tuple[int, str]


async def totals(caller: Caller) -> tuple[Part, ...]:
    """Return conversions and revenue of the campaign: all, confirmed, reported, unconfirmed."""
    found = (await caller.report(campaign="spring")).totals
    all_ = (found.conversions, money(found.revenue))
    return all_, *(
        (one.conversions, money(one.revenue)) for one in (found.confirmed, found.reported, found.unconfirmed)
    )


async def differences(caller: Caller) -> list[report_service_pb2.Difference]:
    """Return what a recount finds."""
    request = report_service_pb2.ReconcileRequest(business_id="shop")
    return list((await caller.reports.Reconcile(request, timeout=SECONDS)).differences)


async def tell(caller: Caller, database: "Database") -> tuple[Part, ...]:
    """Have an order confirmed, another reported and a third unconfirmed, and return what that makes."""
    minted = click(0, link="l1")
    await caller.deliver(minted, links=[link("l1")])
    await database.execute("UPDATE businesses SET confirmed_from = '2100-01-01Z'")
    for reference, amount, credential, year in (
        ("1", "10", "PRIVATE", 2026),
        ("2", "20", "PUBLIC", 2026),
        ("3", "40", "PUBLIC", 2101),
    ):
        sent = order(reference=reference, amount=amount, session=minted.session, tracked_at=to_timestamp(START))
        received_at = to_timestamp(START.replace(year=year))
        await caller.track(
            sent, credential=event_pb2.Credential.Value(f"CREDENTIAL_{credential}"), received_at=received_at
        )
    await settle(database)
    return (2, "30.00 USD"), (1, "10.00 USD"), (1, "20.00 USD"), (1, "40.00 USD")


async def test_what_older_code_decided_is_decided_again(caller: Caller, database: "Database") -> None:
    """Until then it counts as reported; then what private tokens said is confirmed."""
    expected = await tell(caller, database)
    assert await totals(caller) == expected
    await database.execute("UPDATE credits SET provenance = NULL, rules_version = 2")
    await database.execute(
        "UPDATE event_counts SET confirmed_conversions = 0, confirmed_revenue = 0, unconfirmed_conversions = 0,"
        " unconfirmed_revenue = 0, conversions = conversions + unconfirmed_conversions,"
        " revenue = revenue + unconfirmed_revenue, conversions_led = conversions_led + unconfirmed_conversions"
    )
    assert await totals(caller) == ((3, "70.00 USD"), (0, ""), (3, "70.00 USD"), (0, ""))
    await database.execute(POST)
    await settle(database)
    assert await totals(caller) == expected
    assert await differences(caller) == []


async def test_what_older_code_took_back_beside_newer_code_is_mended(caller: Caller, database: "Database") -> None:
    """It left the figures by provenance as they were."""
    expected = await tell(caller, database)
    await database.execute(OLDER)
    assert await differences(caller) != []
    await database.execute(POST)
    await settle(database)
    assert await totals(caller) == expected
    assert await differences(caller) == []
