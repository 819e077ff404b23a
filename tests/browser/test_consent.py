"""What visitors have chosen holds, on all pages and hosts."""

from typing import Any

import pytest

from tests.browser.conftest import OpenVisit
from tests.browser.hosts import NEW, SESSION, Visitor
from tests.browser.visits import nothing_waits

WWW, CHECKOUT = "www.shop.test", "checkout.shop.test"
PAGE = "/consent"
DENIED = "{consent: 'denied'}"
GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {value: true})"


async def state(visitor: Visitor, path: str = PAGE, host: str = WWW) -> tuple[str, list[Any], list[str], list[str]]:
    """Open a page and track there: the session, the cookies, the keys in storage, and what was sent."""
    sent: list[str] = []
    page = await visitor.context.new_page()
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    await page.goto(visitor.shop.at(host, path))
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    keys: list[str] = await page.evaluate("() => Object.keys(localStorage)")
    return await page.evaluate(SESSION), await visitor.context.cookies(), keys, sent


async def test_without_consent_nothing_is_kept_or_sent(visitor: Visitor) -> None:
    """Not even where the address brings a session."""
    visitor.shop.pages[PAGE] = visitor.shop.page_with(DENIED)
    assert await state(visitor, f"{PAGE}?hello_session={NEW}") == ("", [], [], [])
    del visitor.shop.pages[PAGE]


async def test_consent_begins_with_the_click(visit: OpenVisit) -> None:
    """Who consents on the page that the click led to is tracked in the click's session; it is remembered."""
    arrived = await visit()
    shop = arrived.shop
    shop.pages["/p/1"] = shop.pages[PAGE] = shop.page_with(DENIED)
    page = await arrived.click()
    assert (await page.evaluate("() => Clicktrail.track('page.viewed')"))["failed"]
    await page.evaluate("() => Clicktrail.optIn()")
    assert await page.evaluate(SESSION) in arrived.landed_at
    await page.evaluate("() => Clicktrail.track('cart.viewed')")
    await page.goto(f"{shop.url}{PAGE}")
    await page.evaluate("() => Clicktrail.track('checkout.started')")
    del shop.pages["/p/1"], shop.pages[PAGE]
    await arrived.actions_when("cart.viewed", "checkout.started")


async def test_who_opts_out_is_erased_and_stays_out(visitor: Visitor) -> None:
    """On all hosts of the shop, with what waited; who opts in again begins anew."""
    page = await visitor.open(WWW, f"/?hello_session={NEW}")
    await page.evaluate("() => Clicktrail.identify('ana', {source: 'consent'})")
    await visitor.context.set_offline(True)
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    await page.evaluate("() => Clicktrail.optOut()")
    await visitor.context.set_offline(False)
    kept = {"clicktrail": "..denied", "hello_session": ""}
    assert await page.evaluate("() => [{...localStorage}, document.cookie]") == [kept, "clicktrail=..denied"]
    for host in (WWW, CHECKOUT):
        session, cookies, _, sent = await state(visitor, "/", host)
        assert (session, len(cookies), sent) == ("", 1, [])
    await page.evaluate("() => Clicktrail.optIn()")
    assert (await page.evaluate("() => Clicktrail.track('page.viewed')"))["succeeded"]
    assert await visitor.session_at(CHECKOUT) == await page.evaluate(SESSION)


async def test_opting_out_needs_no_beginning(visitor: Visitor) -> None:
    """A page that only asks may say so before `initialize`, or without it."""
    visitor.shop.pages[PAGE] = visitor.shop.script("c.js")
    page = await visitor.open(WWW, PAGE)
    del visitor.shop.pages[PAGE]
    await page.evaluate("() => Clicktrail.optOut()")
    session, _, _, sent = await state(visitor, "/")
    assert (session, sent) == ("", [])


@pytest.mark.parametrize(
    ("options", "is_tracked"),
    [
        ("{}", True),
        ("{respectGPC: true}", False),
        ("{respectGPC: false}", True),
        ("{respectGPC: true, consent: 'granted'}", True),
        ("{respectGPC: true, consent: 'denied'}", False),
    ],
)
async def test_privacy_control_counts_by_option(visitor: Visitor, options: str, *, is_tracked: bool) -> None:
    """The browser asks for it with every page; a shop that has the visitor's own word goes by that."""
    await visitor.context.add_init_script(GPC)
    visitor.shop.pages[PAGE] = visitor.shop.page_with(options)
    session, cookies, _, sent = await state(visitor)
    assert (session != "", cookies != [], sent != []) == (is_tracked,) * 3
    page = await visitor.open(WWW, PAGE)
    await page.evaluate("() => Clicktrail.optIn()")
    assert (await page.evaluate("() => Clicktrail.track('page.viewed')"))["succeeded"]
    await nothing_waits(page)
    del visitor.shop.pages[PAGE]
