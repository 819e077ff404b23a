"""What was revoked after a backup was made opens again after its restore, which says so, and can revoke everything."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from grpc import StatusCode, aio
from pydantic import SecretStr

from clicktrail.tracking.v1 import account_service_pb2, report_page_service_pb2
from clicktrail.tracking.v1.account_service_pb2_grpc import AccountServiceStub
from clicktrail.tracking.v1.report_page_service_pb2_grpc import ReportPageServiceStub
from common.rpc.channels import open_channel
from tests.support.tracking_service.calling import SECONDS
from tracking_service.bootstrap import build
from tracking_service.settings import TrackingSettings


class Saved(NamedTuple):
    """A backup, and what opened something when it was made and was revoked after that."""

    file: str
    token: str
    signature: str


def command(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line on a database."""
    environment = os.environ | {"CLICKTRAIL_POSTGRES_URL": url}
    run = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(  # noqa: S603  (our own command)
        run, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


@asynccontextmanager
async def served(url: str) -> AsyncIterator[aio.Channel]:
    """Serve a database, and connect to that."""
    listen, nowhere = "127.0.0.1:0", "ipv4:127.0.0.1:1"
    service = await build(
        TrackingSettings(tracking_listen=listen, postgres_url=SecretStr(url), shortener_target=nowhere, drain_seconds=1)
    )
    await service.start()
    await service.until_serving()
    async with open_channel(f"ipv4:127.0.0.1:{service.port}") as channel:
        yield channel
    await service.stop()


async def opens(channel: aio.Channel, token: str, signature: str) -> list[StatusCode]:
    """Tell whether a token and a report link open anything."""
    authenticate = account_service_pb2.AuthenticateRequest(credential=token)
    open_link = report_page_service_pb2.OpenReportLinkRequest(signature=signature, campaign="spring")
    calls = (
        AccountServiceStub(channel).Authenticate(authenticate, timeout=SECONDS),
        ReportPageServiceStub(channel).OpenReportLink(open_link, timeout=SECONDS),
    )
    return [await call.code() for call in calls]


def create_token() -> account_service_pb2.CreateTokenRequest:
    """Return the request for a token."""
    return account_service_pb2.CreateTokenRequest(business_id="shop", name="a server")


def sign_link() -> report_page_service_pb2.CreateReportLinkRequest:
    """Return the request for a link to a report."""
    return report_page_service_pb2.CreateReportLinkRequest(business_id="shop", campaign="spring")


@pytest_asyncio.fixture
async def saved(channel: aio.Channel, business: str, postgres_url: str, tmp_path: Path) -> Saved:
    """Make a token and a link, back both up, and revoke them."""
    accounts, pages = AccountServiceStub(channel), ReportPageServiceStub(channel)
    token = (await accounts.CreateToken(create_token(), timeout=SECONDS)).token
    link = (await pages.CreateReportLink(sign_link(), timeout=SECONDS)).report_link
    done = command(postgres_url, "backup", str(tmp_path / "b.tar"))
    assert done.returncode == 0, done.stderr
    revoke = account_service_pb2.RevokeTokenRequest(business_id=business, id=token.id)
    await accounts.RevokeToken(revoke, timeout=SECONDS)
    await pages.RevokeReportLinks(
        report_page_service_pb2.RevokeReportLinksRequest(business_id=business), timeout=SECONDS
    )
    assert await opens(channel, token.token, link.signature) == [StatusCode.UNAUTHENTICATED] * 2
    return Saved(str(tmp_path / "b.tar"), token.token, link.signature)


@pytest.mark.parametrize(
    ("option", "code", "said"),
    [
        ((), StatusCode.OK, "are valid again"),
        (("--keep",), StatusCode.OK, "are valid again"),
        (("--revoke",), StatusCode.UNAUTHENTICATED, "clicktrail token create"),
    ],
)
async def test_a_restore_says_what_opens_again_and_revokes_where_it_is_told(
    saved: Saved, other_url: str, option: tuple[str, ...], code: StatusCode, said: str
) -> None:
    """Private tokens and report links; new ones open in any case."""
    done = command(other_url, "restore", "--from", saved.file, "--shortener", "127.0.0.1:9", *option)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    async with served(other_url) as restored:
        assert await opens(restored, saved.token, saved.signature) == [code] * 2
        again = (await AccountServiceStub(restored).CreateToken(create_token(), timeout=SECONDS)).token
        link = (await ReportPageServiceStub(restored).CreateReportLink(sign_link(), timeout=SECONDS)).report_link
        assert await opens(restored, again.token, link.signature) == [StatusCode.OK] * 2


@pytest.mark.parametrize("option", ["--revoke", "--keep"])
def test_what_loads_nothing_revokes_nothing(postgres_url: str, option: str) -> None:
    """Links alone have no tokens: the options are refused without a backup."""
    refused = command(postgres_url, "restore", "--shortener", "127.0.0.1:9", option)
    assert refused.returncode == 2
    assert "--from" in refused.stderr
