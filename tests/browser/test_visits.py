"""Visits of real people, as far as a browser without a window is one."""

import asyncio
import json

from playwright.async_api import Route

from tests.browser.conftest import OpenVisit
from tests.browser.shop import PAGE
from tests.browser.visits import CALLS, QUEUE, nothing_waits, this_waits
from tests.support.waiting import eventually

ORDER = """() => Clicktrail.track(
    'order.placed', {amount: '395.00', currency: 'USD', object_parameters: {reference: '1'}}
)"""


async def test_every_event_of_a_visit_is_kept_once(visit: OpenVisit) -> None:
    """From the click on: a view, a name, an order without network, and what is tracked while the page closes."""
    arrived = await visit()
    page = await arrived.click()
    session = await page.evaluate("() => Clicktrail.session")
    assert session in arrived.landed_at
    viewed = await page.evaluate("() => Clicktrail.track('page.viewed')")
    assert viewed["succeeded"], viewed
    named = await page.evaluate(
        "id => Clicktrail.identify(id, {source: 'shop', email: 'ana@example.com'})", arrived.profile
    )
    assert named["data"] == {"status": "received"}
    await arrived.context.set_offline(True)
    ordered = await page.evaluate(ORDER)
    assert ordered == {"data": {"status": "waiting"}}
    await arrived.context.set_offline(False)
    await nothing_waits(page)
    await page.evaluate("() => addEventListener('pagehide', () => { Clicktrail.track('subscribed') })")
    await page.goto("about:blank")

    await arrived.actions_when("page.viewed", "order.placed", "subscribed")
    activities = await arrived.activities()
    assert {activity["session"] for activity in activities} == {session}
    assert {activity["campaign"] for activity in activities} == {arrived.link["campaign"]}
    profile = (await arrived.private.get(f"/v1/profiles/{arrived.profile}")).json()
    assert profile["identities"] == [{"source": "shop", "user_id": arrived.profile}]
    # What a page says of a person proves nothing.
    assert profile["email"] is None
    # Each event is the campaign's once it is credited.
    report = await eventually(arrived.report, lambda seen: sum(event["count"] for event in seen["events"]) == 3)
    assert (report["totals"]["clicks"], report["totals"]["unique_clickers"]) == (1, 1)
    assert report["totals"]["conversions"] == 1
    assert report["totals"]["revenue"] == [{"amount": "395.00", "currency": "USD"}]
    counts = {event["action"]: event["count"] for event in report["events"]}
    assert counts == {"page.viewed": 1, "order.placed": 1, "subscribed": 1}


async def test_a_tab_that_is_closed_loses_nothing(visit: OpenVisit) -> None:
    """What is tracked in the last moment of a tab arrives, although nobody is left to hear the answer."""
    arrived = await visit()
    page = await arrived.click()
    await page.evaluate("() => addEventListener('pagehide', () => { Clicktrail.track('cart.viewed') })")
    await page.evaluate("() => { Clicktrail.track('checkout.started') }")
    await page.close(run_before_unload=True)
    await arrived.actions_when("checkout.started", "cart.viewed")


async def test_what_the_api_cannot_take_is_sent_again(visit: OpenVisit) -> None:
    """Whatever says no more than "not now", a proxy's page too, keeps events waiting; then each is stored once."""
    arrived = await visit()
    page = await arrived.click()
    errors, page_of_proxy = '{"errors": []}', "<h1>No such host</h1>"
    outages = [(503, errors), (429, errors), (408, errors), (404, page_of_proxy), (200, page_of_proxy)]

    async def fail(route: Route) -> None:
        if not outages:
            await route.continue_()
            return
        status, body = outages.pop(0)
        await route.fulfill(status=status, body=body, headers={"Access-Control-Allow-Origin": "*"})
        # Sooner than by itself.
        await page.evaluate("() => setTimeout(() => dispatchEvent(new Event('online')), 100)")

    await arrived.context.route(CALLS, fail)
    for action in ("page.viewed", "cart.viewed", "checkout.started"):
        await page.evaluate("action => Clicktrail.track(action)", action)
    await nothing_waits(page)
    assert outages == []
    await arrived.actions_when("page.viewed", "cart.viewed", "checkout.started")


async def test_one_fault_holds_nothing_up(visit: OpenVisit) -> None:
    """An event at which the API itself fails waits by itself, and those behind it go."""
    arrived = await visit()
    page = await arrived.click()

    async def fail(route: Route) -> None:
        if "page.viewed" in (route.request.post_data or ""):
            await route.fulfill(status=500, body="{}", headers={"Access-Control-Allow-Origin": "*"})
        else:
            await route.continue_()

    await arrived.context.route(CALLS, fail)
    await page.evaluate("() => { Clicktrail.track('page.viewed'); Clicktrail.track('cart.viewed') }")
    await arrived.actions_when("cart.viewed")
    await this_waits(page, 1)
    await arrived.mend()
    await nothing_waits(page)
    await arrived.actions_when("page.viewed", "cart.viewed")


async def test_too_many_of_one_kind_hold_up_no_other(visit: OpenVisit) -> None:
    """Views that the API has too many of wait for as long as it says; an order and a name go meanwhile."""
    arrived = await visit()
    page = await arrived.click()
    refused: list[str | None] = []

    async def limit(route: Route) -> None:
        if "page.viewed" in (route.request.post_data or "") and len(refused) < 2:
            refused.append(route.request.post_data)
            headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
            await route.fulfill(status=429, body="{}", headers={**headers, "Retry-After": "2"})
        else:
            await route.continue_()

    await arrived.context.route(CALLS, limit)
    viewed = await page.evaluate("() => Clicktrail.track('page.viewed')")
    assert viewed == {"data": {"status": "waiting"}}
    ordered = await page.evaluate(ORDER.replace("'1'", "'too-many'"))
    assert ordered["succeeded"], ordered
    named = await page.evaluate("id => Clicktrail.identify(id, {source: 'shop'})", arrived.profile)
    assert named["succeeded"], named
    assert len(refused) == 1
    await nothing_waits(page)
    assert len(refused) == 2
    assert refused[0] == refused[1]
    await arrived.actions_when("order.placed", "page.viewed")


async def test_a_lost_answer_does_not_double_an_event(visit: OpenVisit) -> None:
    """An event that arrived, but whose answer was lost, is sent again and stored once."""
    arrived = await visit()
    page = await arrived.click()
    heard: list[int] = []

    async def lose_first(route: Route) -> None:
        answer = await route.fetch()
        heard.append(answer.status)
        if len(heard) == 1:
            await route.abort()
        else:
            await route.fulfill(response=answer)

    await arrived.context.route(CALLS, lose_first)
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    await nothing_waits(page)
    assert heard == [200, 200]
    await arrived.actions_when("page.viewed")


async def test_what_waits_outlives_its_page(visit: OpenVisit) -> None:
    """What was tracked without network is sent by the next page, and so is who the visitor is."""
    arrived = await visit()
    page = await arrived.click()
    await arrived.cut()
    await page.evaluate("id => Clicktrail.identify(id)", arrived.profile)
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    await page.reload()
    await this_waits(page, 2)
    await page.evaluate("() => Clicktrail.track('cart.viewed')")
    await arrived.mend()
    await page.goto(f"{arrived.shop.url}/cart")
    await nothing_waits(page)
    await arrived.actions_when("page.viewed", "cart.viewed")
    known = await page.evaluate("() => JSON.parse(localStorage.clicktrail_user).user.id")
    assert known == arrived.profile


async def test_a_beacon_is_not_trusted(visit: OpenVisit) -> None:
    """An event that only its beacon has delivered waits on, is sent once more by a later page, and is stored once."""
    arrived = await visit()
    page = await arrived.click()
    await arrived.cut()
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    await page.goto(f"{arrived.shop.url}/next")
    await arrived.actions_when("page.viewed")
    await this_waits(page, 1)
    await arrived.mend()
    await page.reload()
    await nothing_waits(page)
    await arrived.actions_when("page.viewed")


async def test_two_tabs_share_what_waits(visit: OpenVisit) -> None:
    """What two tabs track at once without network is all kept, and sent by the one that is left."""
    arrived = await visit()
    page = await arrived.click()
    other = await arrived.context.new_page()
    await other.goto(f"{arrived.shop.url}/p/2")
    await arrived.cut()
    track = "action => { for (let count = 0; count < 5; count++) Clicktrail.track(action) }"
    await asyncio.gather(page.evaluate(track, "page.viewed"), other.evaluate(track, "cart.viewed"))
    # One tab's process hears of what the other's has stored a moment later.
    await this_waits(page, 10)
    await other.close()
    await arrived.mend()
    await page.evaluate("() => dispatchEvent(new Event('online'))")
    await nothing_waits(page)
    await arrived.actions_when(*["page.viewed"] * 5, *["cart.viewed"] * 5)


async def test_storage_may_be_off(visit: OpenVisit) -> None:
    """Without local storage, or with a full one, events go out all the same, and wait in the page."""
    arrived = await visit()
    off = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('off', 'SecurityError') }})"
    await arrived.context.add_init_script(off)
    page = await arrived.click()
    await arrived.context.set_offline(True)
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    await arrived.context.set_offline(False)
    await arrived.actions_when("page.viewed")
    second = await visit()
    page = await second.click()
    await page.evaluate("() => { localStorage.filler = 'x'.repeat(5 * 1024 * 1024 - 300) }")
    await second.context.set_offline(True)
    await page.evaluate("() => Clicktrail.track('cart.viewed')")
    assert await page.evaluate(QUEUE) == 0
    await second.context.set_offline(False)
    await second.actions_when("cart.viewed")


async def test_a_link_of_somebody_else_is_theirs(visit: OpenVisit) -> None:
    """Who clicks a friend's link in a browser of their own loses no event: those are the link's recipient's."""
    ana, bruno = await visit(), await visit()
    page = await ana.click()
    await page.evaluate("id => Clicktrail.identify(id)", ana.profile)
    await bruno.private.patch(f"/v1/profiles/{bruno.profile}", json={"name": "Bruno"})
    await page.goto(bruno.short_url)
    viewed = await page.evaluate("() => Clicktrail.track('page.viewed')")
    assert viewed["succeeded"], viewed
    await page.reload()
    async with page.expect_request("**/v1/track/events") as asked:
        again = await page.evaluate("() => Clicktrail.track('cart.viewed')")
    assert again["succeeded"], again
    # Who it is goes along: evidence, which gives away neither the session nor the name.
    assert json.loads((await asked.value).post_data or "")["user_parameters"] == {"id": ana.profile}
    await bruno.actions_when("page.viewed", "cart.viewed")
    await ana.actions_when()


async def test_a_browser_that_fetches_ahead_clicks_once(visit: OpenVisit) -> None:
    """A prefetch of the short link is put off; the real click is asked for again, and counts."""
    arrived = await visit()
    link = f'<link rel="prefetch" as="document" href="{arrived.short_url}">'
    arrived.shop.pages["/inbox"] = PAGE.format(head=link, body=f'<a href="{arrived.short_url}">Spring sale</a>')
    page = await arrived.context.new_page()
    async with page.expect_response(arrived.short_url) as ahead:
        await page.goto(f"{arrived.shop.url}/inbox")
    assert (await ahead.value).status == 503
    await page.click("a")
    await page.wait_for_url(f"{arrived.shop.url}/p/1?*")
    assert await page.evaluate("() => localStorage.clicktrail_taken.trim() == Clicktrail.session")
    report = await eventually(arrived.report, lambda seen: seen["totals"]["clicks"] > 0)
    assert report["totals"]["clicks"] == 1
