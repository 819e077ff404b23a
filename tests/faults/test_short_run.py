"""A load runs while everything is killed; the ledger balances, and would not if anything were lost or doubled."""

import pytest

from tests.faults.run import LONG, SHORT, Run
from tests.faults.schedule import KILLS, SERVERS, WAYS, schedule
from tests.faults.webhooks.sender import LINE

# What is done to the rows, and the line that must tell of it. $1: the business; $2: a session seen; $3: a key
# acknowledged.
_CLICK_AGAIN = """
    INSERT INTO clicks SELECT (again).*
    FROM (SELECT jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid())) AS again
          FROM clicks c WHERE business_id = $1 AND session = $2) AS made
"""
_EVENT_AGAIN = """
    INSERT INTO events SELECT (again).*
    FROM (SELECT jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid())) AS again
          FROM events e WHERE business_id = $1 AND metadata->>'key' = $3) AS made
"""
_CLICKER_FORGOTTEN = """
    UPDATE breakdown_counts SET unique_clickers = unique_clickers - 1
    WHERE business_id = $1 AND dimension = 'verdict' AND value = 'human' AND scope = 'campaign'
"""
_SET_ASIDE = """
    INSERT INTO rejected (business_id, kind, item, content, reason, profile_hashes)
    VALUES ($1, 'event', $3, '', 'tampered with', '{}')
"""
TAMPERINGS = {
    "DELETE FROM clicks WHERE business_id = $1 AND session = $2": "sessions seen in a Location and not stored",
    _CLICK_AGAIN: "clicks stored more than once",
    "DELETE FROM sessions WHERE business_id = $1 AND id = $2": "clicks stored without their session",
    "UPDATE click_counts SET clicks = clicks + 1 WHERE business_id = $1": "differences of click_counts from a recount",
    _CLICKER_FORGOTTEN: "differences of breakdown_counts from a recount",
    "DELETE FROM events WHERE business_id = $1 AND metadata->>'key' = $3": "events: acknowledged ⊆ stored ⊆ sent",
    _EVENT_AGAIN: "events stored more than once",
    "UPDATE events SET id = gen_random_uuid() WHERE business_id = $1": "events with another id than acknowledged",
    "UPDATE event_counts SET revenue = 2 * revenue WHERE business_id = $1": (
        "revenue counted = amounts that the clients sent"
    ),
    "UPDATE event_counts SET scope_id = scope_id || 'x' WHERE business_id = $1 AND scope = 'campaign'": (
        "differences of event_counts from a recount"
    ),
    "INSERT INTO dirty_visitors (business_id, session) VALUES ($1, $2)": "marks of visitors to be decided again",
    _SET_ASIDE: "things set aside",
    "UPDATE event_counts SET revenue = revenue + 1 WHERE business_id <> $1 AND revenue > 0": LINE,
}


async def test_the_ledger_balances(run: Run) -> None:
    """Nothing acknowledged is lost, nothing is counted twice, and acknowledged events sent again change nothing."""
    ledger = await run.whole_ledger()
    assert not ledger.wrong(), ledger.text()
    assert run.conductor.kills >= SHORT.kills


@pytest.mark.parametrize(("tampering", "line"), TAMPERINGS.items(), ids=TAMPERINGS.values())
async def test_the_ledger_tells_of_tampering(run: Run, tampering: str, line: str) -> None:
    """A ledger that could not fail would prove nothing."""
    # Each statement names what it uses; the others stand there for their types alone.
    with_all = f"WITH named AS (SELECT $1::text, $2::text, $3::text) {tampering}"
    ledger = await run.ledger(with_all, run.business_id, next(iter(run.record.sessions)), min(run.record.acknowledged))
    assert line in {wrong.what for wrong in ledger.wrong()}, ledger.text()


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_draws_the_same_faults(seed: int) -> None:
    """As many kills as are asked for, everything killed, every way cut and every reply dropped at least once."""
    faults = schedule(seed, LONG.kills, 200_000, 20.0)
    assert faults == schedule(seed, LONG.kills, 200_000, 20.0)
    assert faults != schedule(seed + 1, LONG.kills, 200_000, 20.0)
    assert sum(KILLS.get(fault.kind, 0) for fault in faults) >= LONG.kills
    assert {fault.where for fault in faults if fault.kind == "kill"} == set(SERVERS)
    for kind in ("cut", "drop replies"):
        assert {fault.where for fault in faults if fault.kind == kind} == set(WAYS)
    assert max(fault.seconds for fault in faults if fault.kind == "stop") == 20.0
