"""Businesses, their settings, and the credentials of their servers and pages."""

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import aio

from clicktrail.tracking.v1 import account_service_pb2 as pb
from clicktrail.tracking.v1 import account_service_pb2_grpc, event_pb2
from common.errors import ClicktrailError, Reason
from common.rpc.errors import from_rpc_error

if TYPE_CHECKING:
    import asyncpg

Stub = account_service_pb2_grpc.AccountServiceStub


async def failure(call: Any) -> ClicktrailError:
    """Return the error that a call ends with."""
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    error = from_rpc_error(caught.value)
    assert error is not None, caught.value
    return error


def create(stub: Stub, **fields: Any) -> Any:
    """Create a business."""
    return stub.CreateBusiness(pb.CreateBusinessRequest(business=pb.Business(**fields)), timeout=60)


async def test_a_business_starts_with_defaults(accounts: Stub) -> None:
    """Who says nothing gets English, the United States, dollars and seven days."""
    made = (await create(accounts, id="shop", name="A shop")).business
    read = (await accounts.GetBusiness(pb.GetBusinessRequest(id="shop"), timeout=60)).business
    assert read == made
    assert (read.locale, read.country, read.currency, read.attribution_window_days) == ("en", "US", "USD", 7)
    assert read.created_at.seconds > 0


async def test_a_business_without_an_id_gets_one(accounts: Stub) -> None:
    """Two businesses without ids are two businesses."""
    ids = {(await create(accounts, name="A shop")).business.id for _ in range(2)}
    assert len(ids) == 2
    assert all(ids)


async def test_a_business_id_is_given_once(accounts: Stub, business: str) -> None:
    """The second one learns that it is taken."""
    assert (await failure(create(accounts, id=business, name="Another"))).reason is Reason.BUSINESS_TAKEN


async def test_every_fault_of_a_business_is_named(accounts: Stub) -> None:
    """All at once, each by its field."""
    error = await failure(
        create(
            accounts,
            id="ct_looks_like_a_token",
            locale="English",
            country="usa",
            currency="DOLLAR",
            attribution_window_days=91,
            origins=["https://shop.example.com/path"],
        )
    )
    assert {fault.parameter for fault in error.faults} == {
        "id", "name", "locale", "country", "currency", "attribution_window_days", "origins",
    }  # fmt: skip


async def test_a_change_takes_over_what_the_mask_names(accounts: Stub, business: str) -> None:
    """Other fields stay, whatever the message says."""
    wanted = pb.Business(id=business, currency="UYU", attribution_window_days=0, name="Not this")
    request = pb.UpdateBusinessRequest(
        business=wanted, update_mask=FieldMask(paths=["currency", "attribution_window_days"])
    )
    changed = (await accounts.UpdateBusiness(request, timeout=60)).business
    assert (changed.currency, changed.attribution_window_days, changed.name) == ("UYU", 0, "A shop")


async def test_what_the_mask_does_not_name_may_be_anything(accounts: Stub, business: str) -> None:
    """Also what no database could hold; where the mask names it, it is told."""
    wanted = pb.Business(id=business, name="B", attribution_window_days=1_000_000, locale="?")
    request = pb.UpdateBusinessRequest(business=wanted, update_mask=FieldMask(paths=["name"]))
    changed = (await accounts.UpdateBusiness(request, timeout=60)).business
    assert (changed.name, changed.attribution_window_days, changed.locale) == ("B", 7, "en")
    request.update_mask.paths.append("attribution_window_days")
    error = await failure(accounts.UpdateBusiness(request, timeout=60))
    assert [fault.parameter for fault in error.faults] == ["attribution_window_days"]


async def test_a_change_of_a_field_that_cannot_change_is_refused(accounts: Stub, business: str) -> None:
    """The field is named."""
    request = pb.UpdateBusinessRequest(business=pb.Business(id=business), update_mask=FieldMask(paths=["created_at"]))
    error = await failure(accounts.UpdateBusiness(request, timeout=60))
    assert [fault.parameter for fault in error.faults] == ["created_at"]


async def test_an_unknown_business_is_not_found(accounts: Stub) -> None:
    """Also one whose id could not exist."""
    for unknown in ("nobody", "", "a\0b"):
        error = await failure(accounts.GetBusiness(pb.GetBusinessRequest(id=unknown), timeout=60))
        assert error.reason is Reason.BUSINESS_UNKNOWN


async def test_a_token_is_private_and_the_public_id_is_not(accounts: Stub, business: str) -> None:
    """Both say whose they are, and of which class."""
    made = await accounts.CreateToken(pb.CreateTokenRequest(business_id=business, name="server"), timeout=60)
    private = await accounts.Authenticate(pb.AuthenticateRequest(credential=made.token.token), timeout=60)
    public = await accounts.Authenticate(pb.AuthenticateRequest(credential=business), timeout=60)
    assert (private.business_id, private.credential) == (business, event_pb2.CREDENTIAL_PRIVATE)
    assert (public.business_id, public.credential) == (business, event_pb2.CREDENTIAL_PUBLIC)


async def test_unknown_credentials_are_refused(accounts: Stub, business: str) -> None:
    """A wrong token, a wrong id, nothing, and what no database could look up."""
    for credential in ("ct_" + "a" * 43, business + "x", "", "a\0b", "x" * 10_000):
        error = await failure(accounts.Authenticate(pb.AuthenticateRequest(credential=credential), timeout=60))
        assert error.reason is Reason.CREDENTIAL_UNKNOWN


async def test_a_secret_is_shown_once_and_kept_nowhere(
    accounts: Stub, business: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Lists do not show it, and the table holds a hash alone."""
    made = (await accounts.CreateToken(pb.CreateTokenRequest(business_id=business, name="server"), timeout=60)).token
    listed = await accounts.ListTokens(pb.ListTokensRequest(business_id=business), timeout=60)
    assert [(token.id, token.name, token.HasField("token")) for token in listed.tokens] == [(made.id, "server", False)]
    row = str(dict(await database.fetchrow("SELECT * FROM tokens") or {}))
    assert made.token not in row
    assert made.token.startswith("ct_")


async def test_a_revoked_token_is_refused_at_once(accounts: Stub, business: str) -> None:
    """Revoking it again changes nothing."""
    made = (await accounts.CreateToken(pb.CreateTokenRequest(business_id=business), timeout=60)).token
    for _ in range(2):
        await accounts.RevokeToken(pb.RevokeTokenRequest(business_id=business, id=made.id), timeout=60)
    error = await failure(accounts.Authenticate(pb.AuthenticateRequest(credential=made.token), timeout=60))
    listed = await accounts.ListTokens(pb.ListTokensRequest(business_id=business), timeout=60)
    assert error.reason is Reason.CREDENTIAL_UNKNOWN
    assert not listed.tokens


async def test_another_business_cannot_revoke_a_token(accounts: Stub, business: str) -> None:
    """It is not found there, nor is what is no id at all."""
    await create(accounts, id="other", name="Other")
    made = (await accounts.CreateToken(pb.CreateTokenRequest(business_id=business), timeout=60)).token
    for business_id, token_id in (("other", made.id), (business, "no-uuid")):
        error = await failure(
            accounts.RevokeToken(pb.RevokeTokenRequest(business_id=business_id, id=token_id), timeout=60)
        )
        assert error.reason is Reason.TOKEN_UNKNOWN


async def test_tokens_come_in_pages_newest_first(accounts: Stub, business: str) -> None:
    """Forwards and backwards, and an id that is not there is named."""
    for number in range(5):
        await accounts.CreateToken(pb.CreateTokenRequest(business_id=business, name=str(number)), timeout=60)

    async def names(**page: Any) -> tuple[list[str], bool, list[str]]:
        answer = await accounts.ListTokens(pb.ListTokensRequest(business_id=business, limit=2, **page), timeout=60)
        return [token.name for token in answer.tokens], answer.has_more, [token.id for token in answer.tokens]

    first = await names()
    second = await names(starting_after=first[2][-1])
    back = await names(ending_before=second[2][0])
    assert (first[:2], second[:2], back[:2]) == ((["4", "3"], True), (["2", "1"], True), (["4", "3"], False))
    error = await failure(names(starting_after="00000000-0000-0000-0000-000000000000"))
    assert [fault.parameter for fault in error.faults] == ["starting_after"]


async def test_a_token_for_nobody_is_refused(accounts: Stub) -> None:
    """There is no such business."""
    error = await failure(accounts.CreateToken(pb.CreateTokenRequest(business_id="nobody"), timeout=60))
    assert error.reason is Reason.BUSINESS_UNKNOWN


async def test_a_call_without_time_is_refused(accounts: Stub) -> None:
    """Its deadline ends it."""
    with pytest.raises(aio.AioRpcError) as caught:
        await accounts.GetBusiness(pb.GetBusinessRequest(id="shop"), timeout=0.000_001)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
