"""What private tokens say of ids, what older releases left, and workers that die: all end in the same state."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import StatusCode, aio

from clicktrail.tracking.v1 import account_service_pb2, account_service_pb2_grpc, event_pb2, profile_service_pb2
from common.clock import to_timestamp
from common.errors import Reason
from tests.integration.tracking_service.reassignment.test_who_somebody_is import (
    ANAS,
    BENS,
    CASES,
    Step,
    create,
    found,
    hold,
    read,
    said,
)
from tests.integration.tracking_service.reports.test_worked_example import settle
from tests.support.tracking_service.calling import SECONDS, Caller, failure
from tests.support.tracking_service.clicking import START, click
from tests.support.tracking_service.events import event
from tests.support.tracking_service.worked_example import at
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

SEVEN = profile_service_pb2.Identity(source="shop", user_id="7")


async def name(caller: Caller, profile: str, *identities: profile_service_pb2.Identity, **fields: Any) -> None:
    """Give a profile these identities by a private token, and perhaps other attributes."""
    message = profile_service_pb2.Profile(identities=identities, **fields)
    request = profile_service_pb2.UpdateProfileRequest(
        business_id="shop", id=profile, profile=message, update_mask=FieldMask(paths=["identities", *fields])
    )
    await caller.profiles.UpdateProfile(request, timeout=SECONDS)


async def test_a_private_token_takes_an_id_from_pages(caller: Caller, database: "Database") -> None:
    """With its sessions; taken back, the id is a page profile's again, with what pages said."""
    await said(caller, "her-laptop", "7", name="Ana")()
    await settle(database)
    await create(caller, "cust-7", identities=[SEVEN])
    await settle(database)
    assert await found(database) == ({"her-laptop": "cust-7"}, {"7": "cust-7"})
    assert (await read(caller, "cust-7")).name == ""
    assert (await failure(create(caller, "cust-8", identities=[SEVEN]))).reason is Reason.IDENTITY_TAKEN
    await name(caller, "cust-7")
    await settle(database)
    assert await found(database) == ({"her-laptop": "page of 7"}, {"7": "page of 7"})
    assert (await read(caller, (await caller.session("her-laptop")).profile)).name == "Ana"
    await create(caller, "cust-8", identities=[SEVEN])
    await settle(database)
    assert await found(database) == ({"her-laptop": "cust-8"}, {"7": "cust-8"})


async def test_a_stranger_cannot_write_a_customers_contact_data(caller: Caller, database: "Database") -> None:
    """With a known id and a session of his own; what a private token says with it completes what is not known."""
    await create(caller, "cust-7", identities=[SEVEN], name="Ana")
    await said(caller, "a-strangers-session", "7", email="m@evil.example.com", phone="+59899000000")()
    await settle(database)
    assert (await read(caller, "cust-7")).email == ""
    proved: dict[str, Any] = {"credential": event_pb2.CREDENTIAL_PRIVATE, "email": "ana@example.com", "name": "Anna"}
    await said(caller, "her-laptop", "7", **proved)()
    await settle(database)
    customer = await read(caller, "cust-7")
    assert (customer.name, customer.email, customer.phone) == ("Ana", "ana@example.com", "")


async def test_contact_data_that_become_known_decide_again(caller: Caller, database: "Database") -> None:
    """The id was taken for the recipient's as long as nothing contradicted."""
    await caller.deliver(ANAS)
    await said(caller, ANAS.session, "7", email="somebody@example.com")()
    await settle(database)
    assert (await found(database))[1] == {"7": "ana"}
    request = profile_service_pb2.UpdateProfileRequest(
        business_id="shop",
        id="ana",
        profile=profile_service_pb2.Profile(email="ana@example.com"),
        update_mask=FieldMask(paths=["email"]),
    )
    await caller.profiles.UpdateProfile(request, timeout=SECONDS)
    await settle(database)
    assert await found(database) == ({ANAS.session: "ana"}, {"7": "page of 7"})


async def test_what_events_say_is_evidence_too(caller: Caller, database: "Database") -> None:
    """In user parameters, as libraries send them that do not identify again after a click."""
    page: dict[str, Any] = {"credential": event_pb2.CREDENTIAL_PUBLIC}
    who: dict[str, Any] = {"user_parameters": event_pb2.UserParameters(id="7", source="shop")}
    await caller.track(event(session="her-laptop", **who), **page)
    await caller.track(event(session=ANAS.session, **who), **page)
    await caller.track(event(session="nobodys-own", user_parameters=event_pb2.UserParameters(id="null")), **page)
    await caller.deliver(ANAS)
    await settle(database)
    owners = {ANAS.session: "ana", "her-laptop": "ana", "nobodys-own": None}
    assert await found(database) == (owners, {"7": "ana"})


async def test_a_session_is_the_private_tokens_whatever_it_clicked(caller: Caller, database: "Database") -> None:
    """A shared link's visitor whom pages took for somebody: counted once, as whose the token says it is."""
    first, second = click(link="shared", campaign="open"), click(20, seed=2, link="shared", campaign="open")
    await caller.deliver(first, second)
    await said(caller, first.session, "7")()
    await said(caller, second.session, "8")()
    await settle(database)
    visitors = "SELECT sum(unique_clickers)::int FROM click_counts WHERE scope = 'campaign' AND scope_id = 'open'"
    assert await database.fetchval(visitors) == 2
    await caller.attach(first.session, "ana")
    await caller.attach(second.session, "ana")
    await settle(database)
    assert await database.fetchval(visitors) == 1


async def test_older_claims_are_what_a_page_said(caller: Caller, database: "Database") -> None:
    """Their sessions stay, until a private token claims them; an id of such a one is a page's, and moves."""
    await create(caller, "made-by-a-page")
    await caller.track(event(session="an-older-session"), credential=event_pb2.CREDENTIAL_PUBLIC)
    key = await database.fetchval("SELECT profile_key FROM profiles")
    await database.execute("UPDATE sessions SET profile_key = $1", key)
    await database.execute(
        "INSERT INTO claims VALUES ('shop', 'an-older-session', $1, 'identification', $2)", key, START
    )
    older = (
        "INSERT INTO identities (business_id, source, user_id, profile_key, created_at)"
        " VALUES ('shop', 'shop', $1, $2, $3)"
    )
    await database.execute(older, "7", key, START)
    await database.execute(older, "8", key, at(5))
    await said(caller, "an-older-session", "9")()
    await settle(database)
    assert (await caller.session("an-older-session")).profile == "made-by-a-page"
    eight = profile_service_pb2.Identity(source="shop", user_id="8")
    assert (await failure(create(caller, "cust-8", identities=[eight]))).reason is Reason.IDENTITY_TAKEN
    await create(caller, "cust-7", identities=[SEVEN])
    assert (await caller.attach("an-older-session", "cust-7")).profile == "cust-7"


async def test_an_identity_secret_counts_from_when_it_is_set(
    caller: Caller, accounts: account_service_pb2_grpc.AccountServiceStub, database: "Database"
) -> None:
    """What was said before it stays; it is in no answer."""
    before = to_timestamp(START)
    await caller.identify("before-it", "7", received_at=before)
    wanted = account_service_pb2.Business(id="shop", identity_secret="0123456789abcdef")
    request = account_service_pb2.UpdateBusinessRequest(
        business=wanted, update_mask=FieldMask(paths=["identity_secret"])
    )
    answer = (await accounts.UpdateBusiness(request, timeout=SECONDS)).business
    assert (answer.identity_secret, answer.has_identity_secret) == ("", True)
    await caller.identify("after-it", "7")
    await settle(database)
    assert (await caller.session("before-it")).profile != ""
    assert (await caller.session("after-it")).profile == ""


@pytest.mark.parametrize("case", ["a message is forwarded, and the friend logs in", "ids are claimed in advance"])
async def test_a_worker_that_dies_leaves_its_work_to_others(caller: Caller, database: "Database", case: str) -> None:
    """Its connections are broken while it decides: nothing is lost, nothing half done."""
    await create(caller, "ana", email="ana@example.com")

    async def until_done(step: Step) -> None:
        while True:
            try:
                await step()
            except aio.AioRpcError as error:
                assert error.code() is StatusCode.UNAVAILABLE  # noqa: PT017  (it is tried again)
            else:
                return

    async def kill() -> None:
        for _ in range(30):
            await database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'clicktrail-tracking' AND datname = current_database()"
            )
            await asyncio.sleep(0.02)

    steps = CASES[case].steps(caller) * 2
    await asyncio.gather(kill(), *(until_done(step) for step in steps))
    # What came while no connection held waits in the spool.
    orders = sum(isinstance(step, partial) and step.func == caller.track for step in steps)
    await eventually(lambda: database.fetchval("SELECT count(*) * 2 FROM events"), lambda count: count == orders)
    await hold(CASES[case], caller, database)


async def test_ids_of_many_sessions_do_not_cost_with_each(caller: Caller, database: "Database") -> None:
    """A shop that calls all of its guests alike: they are one page profile, and a recipient among them is no other."""
    await asyncio.gather(*(said(caller, f"guest-number-{number}", "guest")() for number in range(120)))
    await caller.deliver(ANAS, BENS)
    await said(caller, ANAS.session, "guest")()
    await said(caller, BENS.session, "guest")()
    await settle(database)
    owners, holders = await found(database)
    assert holders == {"guest": "page of guest"}
    assert {owner for session, owner in owners.items() if session.startswith("guest")} == {"page of guest"}
