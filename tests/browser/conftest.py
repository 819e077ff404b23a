"""A real browser, a shop and visitors. Where there is no browser, its tests are left out, and the run says so."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.hosts import Visitor, open_visitor
from tests.browser.shop import Shop, open_shop
from tests.browser.visits import Visit, open_visit
from tests.support.system import System

# Debian's Chromium without all that windows need, which takes half of the processor time, and the one with them.
BROWSERS = ("chromium-headless-shell", "chromium")
MISSING = "there is no chromium on the PATH"
HOW = "To have them: apt-get install chromium-headless-shell. With CI=true in the environment they fail instead."
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Every name is this machine, so that a shop can have several hosts, and a platform's name.
    "--host-resolver-rules=MAP * 127.0.0.1",
    "--no-proxy-server",
]

OpenVisit = Callable[[], Awaitable[Visit]]


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Run Debian's Chromium for the whole session, its data in a folder that goes with it."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None and os.environ.get("CI") == "true":
        pytest.fail(f"{MISSING}: apt-get install chromium-headless-shell")
    if path is None:
        pytest.skip(MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS, headless=True)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session")
async def shop(system: System) -> AsyncIterator[Shop]:
    """Run the shop for the whole session."""
    async with open_shop(system.http, system.business) as shop:
        yield shop


@pytest_asyncio.fixture
async def visitor(browser: Browser, shop: Shop) -> AsyncIterator[Visitor]:
    """Return somebody who comes to the shop's hosts, in a browser without a past."""
    async with open_visitor(browser, shop) as visitor:
        yield visitor


@pytest_asyncio.fixture
async def visit(browser: Browser, system: System, shop: Shop, private: httpx.AsyncClient) -> AsyncIterator[OpenVisit]:
    """Return what lets a new recipient of a new campaign click, in a browser without a past."""
    async with AsyncExitStack() as stack:

        async def arrive() -> Visit:
            return await stack.enter_async_context(open_visit(browser, system, shop, private))

        yield arrive


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was left out, and how to have it."""
    left_out = [report for report in terminalreporter.stats.get("skipped", []) if MISSING in str(report.longrepr)]
    if left_out:
        terminalreporter.section("left out", yellow=True)
        terminalreporter.line(f"{len(left_out)} tests in a real browser were left out: {MISSING}. {HOW}")
