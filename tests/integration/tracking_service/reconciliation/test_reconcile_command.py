"""The commands of operators: recounts, and what was set aside."""

import json
from typing import TYPE_CHECKING

import pytest
from grpc import aio

from tests.support.tracking_service.calling import Caller
from tests.support.tracking_service.clicking import click, link
from tests.support.tracking_service.commands import clicktrail
from tracking_service.bootstrap import TrackingService

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")


async def test_a_recount_is_told(tracking: TrackingService, channel: aio.Channel, database: "Database") -> None:
    """It exits with 0 where all agrees, and with 1 where something differs, which it names; as JSON too."""
    await Caller(channel).deliver(click(1, profile="ann"), links=[link("abc", profile="ann")])
    code, out, err = await clicktrail(tracking, "reconcile", "--business", "shop")
    assert (code, err) == (0, "")
    assert out.startswith("All counters agree: ")
    await database.execute("UPDATE click_counts SET bot_hits = 41 WHERE scope = 'campaign'")
    code, out, err = await clicktrail(tracking, "reconcile", "--business", "shop", "--from", "2026-11-01")
    assert code == 1
    assert "bot_hits" in out
    assert "scope_id spring" in out
    assert err.startswith("clicktrail: 1 differences in ")
    code, out, _ = await clicktrail(tracking, "reconcile", "--business", "shop", "--json")
    (difference,) = json.loads(out)["differences"]
    assert (code, difference["figure"], difference["counted"], difference["recounted"]) == (1, "bot_hits", 41, 0)


async def test_a_recount_of_nobody_is_refused(tracking: TrackingService) -> None:
    """One line says why."""
    code, _, err = await clicktrail(tracking, "reconcile", "--business", "nobody")
    assert (code, err.count("\n")) == (1, 1)
    code, _, err = await clicktrail(tracking, "reconcile", "--business", "shop", "--from", "2026-11-01T00:01")
    assert (code, "from must lie on a quarter of an hour." in err) == (2, True)


async def test_what_was_set_aside_is_shown(
    tracking: TrackingService, channel: aio.Channel, database: "Database"
) -> None:
    """With its reason and without its content."""
    assert (await clicktrail(tracking, "rejected"))[1] == "Nothing was set aside.\n"
    await database.execute("ALTER TABLE clicks ADD CONSTRAINT no_evil CHECK (user_agent <> 'evil')")
    await Caller(channel).deliver(*(click(minute, user_agent="evil") for minute in range(3)))
    code, out, _ = await clicktrail(tracking, "rejected", "--limit", "2")
    assert (code, out.count("no_evil")) == (0, 2)
    assert "There are older ones: --before 2" in out
    rows = json.loads((await clicktrail(tracking, "rejected", "--json", "--business", "shop"))[1])["rejections"]
    assert [(row["number"], row["kind"]) for row in rows] == [(3, "click"), (2, "click"), (1, "click")]
