"""The page of a blocked link, and the one that shows where a link leads, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from clicktrail.shortener.v1 import link_service_pb2
from clicktrail.shortener.v1.link_service_pb2_grpc import LinkServiceStub
from common.rpc.channels import open_channel
from tests.browser.test_report_page import AXE, DESK_SIZE, PHONE_SIZE, SERIOUS
from tests.e2e.test_trail import make_link
from tests.support.system import ABUSE_ADDRESS, System

DESTINATION = "https://shop.example.com/secret-offer"
CALL_SECONDS = 60


@pytest_asyncio.fixture(params=[PHONE_SIZE, DESK_SIZE], ids=["phone", "desk"])
async def page(browser: Browser, system: System, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """Open a window of the size of a phone, and of a desk."""
    width, height = request.param
    context = await browser.new_context(base_url=system.http, viewport={"width": width, "height": height})
    yield await context.new_page()
    await context.close()


async def block(system: System, code: str) -> None:
    """Block a link, as operators do."""
    async with open_channel(system.shortener, system.operator) as channel:
        request = link_service_pb2.BlockLinkRequest(code=code, reason="phishing")
        await LinkServiceStub(channel).BlockLink(request, timeout=CALL_SECONDS, wait_for_ready=True)


async def is_readable(page: Page) -> bool:
    """Tell whether a page fits its window and keeps nobody out."""
    await page.evaluate(AXE)
    found = await page.evaluate("axe.run()")
    assert not [each["id"] for each in found["violations"] if each["impact"] in SERIOUS]
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def test_a_blocked_link_says_so(page: Page, system: System, private: httpx.AsyncClient, tmp_path: Path) -> None:
    """Itself and its page, plainly, without its destination, its business, or a way on."""
    link = await make_link(private, destination=DESTINATION)
    await block(system, link["code"])
    for suffix in ("", "+"):
        response = await page.goto(f"/{link['code']}{suffix}")
        assert response is not None
        assert response.status == 410
        assert await page.locator("h1").inner_text() == "This link has been blocked"
        assert await page.locator("a").count() == 0
        content = await page.content()
        assert not [word for word in ("shop.example", "secret-offer", "phishing", system.business) if word in content]
        assert await is_readable(page)
        await page.screenshot(path=tmp_path / f"blocked{suffix}.png")


async def test_a_link_shows_where_to_report_it(page: Page, private: httpx.AsyncClient, tmp_path: Path) -> None:
    """Below where it leads; a long address breaks in its window."""
    link = await make_link(private, destination=f"{DESTINATION}?{'long=address&' * 20}")
    await page.goto(f"/{link['code']}+")
    report = page.get_by_role("link", name="Report this link")
    assert await report.get_attribute("href") == ABUSE_ADDRESS
    assert await report.is_visible()
    assert await is_readable(page)
    await page.screenshot(path=tmp_path / "shown.png", full_page=True)
