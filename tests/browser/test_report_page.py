"""The report page in a real browser: alive, readable by everyone, and nobody else's business."""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import axe_playwright_python
import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from common.clock import now_timestamp
from tests.e2e.businesses import change_business, client_of, make_business
from tests.e2e.conftest import client_with
from tests.support.system import PHONE, System
from tests.support.waiting import LIMIT_SECONDS

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
SERIOUS = {"serious", "critical"}
PATIENCE = LIMIT_SECONDS * 1000
PHONE_SIZE, DESK_SIZE = (390, 844), (1280, 900)
BYTES_LIMIT = 200_000

Scheme = Literal["light", "dark"]


@dataclass
class Sight:
    """A page that is looked at, and what was heard of it."""

    page: Page
    campaign: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note whatever the page asks for, throws, and writes to the console."""
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


Look = Callable[..., Awaitable[Sight]]


@pytest_asyncio.fixture
async def look(browser: Browser, system: System, private: httpx.AsyncClient) -> AsyncIterator[Look]:
    """Return what opens the report of a campaign; no page may complain, or ask for anything elsewhere."""
    sights: list[Sight] = []
    async with AsyncExitStack() as stack:

        async def opened(
            campaign: str,
            size: tuple[int, int] = DESK_SIZE,
            scheme: Scheme = "light",
            server: httpx.AsyncClient = private,
            **options: Any,
        ) -> Sight:
            viewport: Any = {"width": size[0], "height": size[1]}
            context = await browser.new_context(viewport=viewport, color_scheme=scheme, **options)
            stack.push_async_callback(context.close)
            sight = Sight(await context.new_page(), campaign)
            sight.listen()
            sights.append(sight)
            signed = await server.post("/v1/report_links", json={"campaign": campaign, "all_reports": True})
            await sight.page.goto(system.http + signed.json()["path"])
            return sight

        yield opened
    for sight in sights:
        assert sight.complaints == []
        assert {url for url in sight.asked if not url.startswith(system.http)} == set()


async def new_campaign(private: httpx.AsyncClient) -> tuple[str, str]:
    """Make a campaign of one recipient, and return it with the code of the link."""
    campaign = f"c-{secrets.token_hex(6)}"
    fields = {"destination": "https://shop.example.com/", "campaign": campaign, "profile": f"p-{campaign}"}
    made = await private.post("/v1/links", json=fields)
    assert made.status_code == 201, made.text
    return campaign, made.json()["code"]


async def clicked(phone: httpx.AsyncClient, code: str) -> str:
    """Click a link and return the session."""
    answer = await phone.get(f"/{code}")
    assert answer.status_code == 302
    return answer.headers["location"].partition("hello_session=")[2]


async def busy_campaign(private: httpx.AsyncClient, phone: httpx.AsyncClient) -> str:
    """Make a campaign with clicks and orders."""
    campaign, code = await new_campaign(private)
    session = await clicked(phone, code)
    await clicked(phone, code)
    for number, currency in enumerate(("USD", "JPY")):
        order = {
            "action": "order.placed",
            "session": session,
            "amount": 1234,
            "currency": currency,
            "object_parameters": {"reference": f"{campaign}-{number}"},
        }
        assert (await private.post("/v1/attribution/events", json=order)).status_code == 200
    return campaign


async def test_a_click_appears_by_itself(look: Look, private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """And so does what is earned, without a reload; what was opened stays open."""
    campaign, code = await new_campaign(private)
    sight = await look(campaign)
    page = sight.page
    await expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
    await expect(page.locator("#state")).to_be_visible(timeout=PATIENCE)
    await page.get_by_text("The same as a table").click()
    await page.evaluate("() => { window.isTheSame = true }")
    session = await clicked(phone, code)
    clicks = page.locator("#figures .card", has_text="Clicks").locator(".value")
    await expect(clicks).to_have_text("1", timeout=PATIENCE)
    await expect(page.get_by_text("Nothing has happened yet")).to_have_count(0)
    await expect(page.locator("#latest")).to_contain_text(f"p-{campaign} · Clicked the link")
    order = {
        "action": "order.placed",
        "session": session,
        "amount": "1234.5",
        "currency": "USD",
        "object_parameters": {"reference": campaign},
    }
    assert (await private.post("/v1/attribution/events", json=order)).status_code == 200
    revenue = page.locator("#figures .card", has_text="Revenue").locator(".value")
    await expect(revenue).to_have_text(re.compile(r"1,234\.50\sUSD"), timeout=PATIENCE)
    await expect(page.locator("#latest")).to_contain_text("Order placed")
    await expect(page.get_by_role("region", name="Over time, as a table")).to_be_visible()
    assert await page.evaluate("() => window.isTheSame")


@pytest.mark.parametrize("size", [PHONE_SIZE, DESK_SIZE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everyone_can_read_it(
    look: Look, private: httpx.AsyncClient, phone: httpx.AsyncClient, size: tuple[int, int], scheme: Scheme
) -> None:
    """On a phone without scrolling sideways, in the light and in the dark, and axe finds nothing serious."""
    sight = await look(await busy_campaign(private, phone), size, scheme)
    page = sight.page
    conversions = page.locator("#figures .card", has_text="Conversions").locator(".value")
    await expect(conversions).to_have_text("2", timeout=PATIENCE)
    await page.get_by_text("The same as a table").click()
    await without_serious_faults(page)
    await page.get_by_role("link", name="All campaigns and journeys").click()
    await expect(page.get_by_role("link", name=sight.campaign)).to_be_visible()
    await without_serious_faults(page)


@pytest.mark.parametrize("size", [PHONE_SIZE, DESK_SIZE])
async def test_it_tells_whose_word_figures_rest_on(look: Look, system: System, size: tuple[int, int]) -> None:
    """What the shop's server confirmed, what pages reported, and apart from both what is unconfirmed."""
    business = await make_business(system)
    async with client_of(system, business.token) as server, client_of(system, business.id) as page_of_shop:
        async with client_with(system, **{"User-Agent": PHONE}) as phone:
            campaign, code = await new_campaign(server)
            session = await clicked(phone, code)
        earned: dict[str, Any] = {"action": "app.spent", "session": session, "currency": "USD"}
        for sender, amount in ((server, 120), (page_of_shop, 1)):
            spent = earned | {"amount": amount, "object_parameters": {"name": "app"}}
            path = "/v1/attribution/events" if sender is server else "/v1/track/events"
            assert (await sender.post(path, json=spent)).status_code == 200
        await change_business(system, business.id, confirmed_from=now_timestamp())
        spent = earned | {"amount": 999, "object_parameters": {"name": "app"}}
        assert (await page_of_shop.post("/v1/track/events", json=spent)).status_code == 200
        sight = await look(campaign, size, server=server)
    cards = sight.page.locator("#figures .card")
    unconfirmed = cards.filter(has=sight.page.get_by_text("Unconfirmed", exact=True))
    await expect(unconfirmed.locator(".value")).to_have_text(re.compile(r"999\.00\sUSD"), timeout=PATIENCE)
    await expect(cards.filter(has_text="Revenue").locator(".value")).to_have_text(re.compile(r"121\.00\sUSD"))
    confirmed = cards.filter(has=sight.page.get_by_text("Confirmed", exact=True))
    await expect(confirmed.locator(".value")).to_have_text(re.compile(r"120\.00\sUSD"))
    await expect(confirmed).to_contain_text(re.compile(r"1\.00\sUSD more is reported by pages alone"))
    await expect(cards.filter(has_text="Conversions").locator(".value")).to_have_text("2")
    await without_serious_faults(sight.page)


async def without_serious_faults(page: Page) -> None:
    """Let axe look at a page as it is, and make sure that it is not wider than the screen."""
    # Brought in from outside of the page, whose policy lets no other script in.
    await page.evaluate(AXE)
    found = await page.evaluate("() => axe.run()")
    serious = [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in found["violations"]
        if fault["impact"] in SERIOUS
    ]
    assert serious == []
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


async def test_it_needs_no_script(look: Look, private: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    """All figures, ranges and time zones are there without one; only what happens next does not appear by itself."""
    sight = await look(await busy_campaign(private, phone), java_script_enabled=False)
    page = sight.page
    await page.get_by_role("link", name="7 days").click()
    await expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
    await page.get_by_label("Time zone").fill("Asia/Kathmandu")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_text("Times are in Asia/Kathmandu.")).to_be_visible()
    await expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download the report (CSV)").click()
    assert (await download.value).suggested_filename == f"report-campaign-{sight.campaign}.csv"


async def test_it_is_small_and_keyboards_reach_everything(
    look: Look, private: httpx.AsyncClient, phone: httpx.AsyncClient
) -> None:
    """All that it asks for is less than 200 KB; the first key leads past the header."""
    sight = await look(await busy_campaign(private, phone))
    page = sight.page
    sizes = await page.evaluate(
        "() => performance.getEntries().filter((entry) => entry.decodedBodySize).map((entry) => entry.decodedBodySize)"
    )
    assert 0 < sum(sizes) < BYTES_LIMIT
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    reached = set()
    for _ in range(14):
        await page.keyboard.press("Tab")
        reached.add(
            await page.evaluate("() => (document.activeElement.textContent || document.activeElement.id).trim()")
        )
    assert {
        "All campaigns and journeys",
        "24 hours",
        "By date of link",
        "timezone",
        "Show",
        "The same as a table",
    } <= reached


async def test_the_signature_leaves_the_address_bar(look: Look, private: httpx.AsyncClient, system: System) -> None:
    """And the history; no script reads the cookie; another link in the same browser takes nothing from the first."""
    campaign, _ = await new_campaign(private)
    sight = await look(campaign)
    page = sight.page
    await expect(page.locator("#state")).to_be_visible(timeout=PATIENCE)
    assert "signature" not in page.url
    assert await page.evaluate("() => document.cookie") == ""
    assert "signature" not in "".join(await page.evaluate("() => Array.from(document.links, (link) => link.href)"))
    other, _ = await new_campaign(private)
    second = await page.context.new_page()
    bound = await private.post("/v1/report_links", json={"campaign": other})
    await second.goto(system.http + bound.json()["path"])
    await expect(second.get_by_role("heading", name=other)).to_be_visible()
    await expect(second.get_by_role("link", name="All campaigns and journeys")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("heading", name=campaign)).to_be_visible()
    await page.go_back()
    assert page.url == "about:blank"


async def test_hits_of_programs_are_shown_greyed_where_asked_for(
    look: Look, private: httpx.AsyncClient, phone: httpx.AsyncClient
) -> None:
    """By a link on the page, and back; otherwise the list is what people did alone, also as it goes on."""
    campaign, code = await new_campaign(private)
    for agent in ("WhatsApp/2.23.20.0 A", "Mozilla/5.0 (compatible; Googlebot/2.1)"):
        await phone.get(f"/{code}", headers={"User-Agent": agent})
    await clicked(phone, f"{code}?qr")
    page = (await look(campaign)).page
    rows = page.locator("#latest li")
    await expect(rows).to_have_count(1, timeout=PATIENCE)
    await expect(rows).to_contain_text("Clicked the link", timeout=PATIENCE)
    await expect(rows).to_contain_text("By its QR code")
    await expect(page.locator("#breakdowns")).to_contain_text("How they opened the links")
    await page.get_by_role("link", name="Show bots and link previews too").click()
    await expect(page).to_have_url(re.compile(r"[?&]include=all(&|$)"))
    await expect(rows).to_have_count(3, timeout=PATIENCE)
    programs = page.locator("#latest li.program")
    await expect(programs).to_have_count(2)
    await expect(programs.filter(has_text="Previewed by an app")).to_have_count(1)
    await expect(programs.filter(has_text="Opened by a bot")).to_have_count(1)
    soft = await page.locator("footer .remark").evaluate("element => getComputedStyle(element).color")
    person = page.locator("#latest li:not(.program)")
    colors = [
        await row.evaluate("element => getComputedStyle(element.querySelector('strong')).color")
        for row in (programs.first, programs.last, person)
    ]
    assert [color == soft for color in colors] == [True, True, False]
    await page.get_by_role("link", name="Show people alone").click()
    await expect(page).not_to_have_url(re.compile("include="))
    await expect(rows).to_have_count(1)
    await phone.get(f"/{code}", headers={"User-Agent": "WhatsApp/2.23.20.0 A"})
    await clicked(phone, code)
    await expect(rows).to_have_count(2, timeout=PATIENCE)
