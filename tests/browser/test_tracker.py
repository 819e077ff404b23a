"""The tracking script itself: how it is served, and how pages call it."""

import json

import httpx

from tests.browser.conftest import OpenVisit
from tests.browser.shop import PAGE
from tests.browser.visits import nothing_waits
from tests.support.system import System

BARE = PAGE.format(head='<script src="{}/v1/tracker.js"></script>', body="")


async def test_the_script_is_small_and_kept(public: httpx.AsyncClient) -> None:
    """It has less than 5 KB, packed less than 3 KB, is kept for an hour and then asked about by its version."""
    found = await public.get("/v1/tracker.js", headers={"Accept-Encoding": "identity"})
    assert found.status_code == 200
    assert len(found.content) < 5 * 1024
    packed = await public.get("/v1/c.js", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 3 * 1024
    assert packed.content == found.content
    assert (await public.get("/v1/c.js", headers={"Accept-Encoding": "gzip;q=0, *"})).content == found.content
    assert found.headers["content-type"] == "text/javascript; charset=utf-8"
    assert found.headers["cache-control"] == "public, max-age=3600"
    assert found.headers["access-control-allow-origin"] == "*"
    again = await public.get("/v1/tracker.js", headers={"If-None-Match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == found.headers["etag"]


async def test_pages_of_other_libraries_need_no_change(visit: OpenVisit, system: System) -> None:
    """The calls of the older library work under its name, and their answers say what became of them."""
    arrived = await visit()
    arrived.shop.pages["/p/1"] = BARE.format(system.http)
    page = await arrived.click()
    del arrived.shop.pages["/p/1"]
    seen = await page.evaluate(
        """async ([business, apiRoot]) => {
            const early = await Hellotext.track('page.viewed')
            const heard = []
            Hellotext.on('session-set', session => heard.push(session))
            await Hellotext.initialize(business, {apiRoot})
            const tracked = await Hellotext.track('product.viewed', {
                amount: 10, currency: 'USD', url: 'https://shop.example.com/p/9', object_parameters: {reference: '9'}
            })
            const refused = await Hellotext.track('no.such')
            const named = await Hellotext.identify('user_1', {source: 'shopify', email: 'a@b.c', name: 'J'})
            return {early, heard, session: Hellotext.session, tracked, refused, named}
        }""",
        [system.business, f"{system.http}/v1"],
    )
    assert seen["early"]["failed"]
    assert seen["heard"] == [seen["session"]]
    assert seen["session"] in arrived.landed_at
    assert seen["tracked"]["succeeded"]
    assert seen["tracked"]["data"]["status"] == "received"
    assert seen["refused"]["failed"]
    assert seen["refused"]["data"]["errors"][0]["parameter"] == "action"
    assert seen["named"] == {"succeeded": True, "failed": False, "data": {"status": "received"}}
    await arrived.actions_when("product.viewed")
    viewed = (await arrived.activities())[0]
    assert viewed["url"] == "https://shop.example.com/p/9"


async def test_a_visitor_who_is_forgotten_starts_anew(visit: OpenVisit) -> None:
    """After `forget` there is no session nor name; the next event begins a session that is nobody's."""
    arrived = await visit()
    page = await arrived.click()
    clicked = await page.evaluate("() => Clicktrail.session")
    await page.evaluate("() => Clicktrail.identify('somebody', {source: 'forgotten'})")
    left = await page.evaluate("() => { Clicktrail.forget(); return [Clicktrail.session, document.cookie] }")
    assert left[0] == ""
    assert clicked not in left[1]
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    fresh = await page.evaluate("() => Clicktrail.session")
    assert fresh != clicked
    await page.reload()
    assert await page.evaluate("() => Clicktrail.session") == fresh
    session = (await arrived.private.get(f"/v1/sessions/{fresh}")).json()
    assert session["profile"] is None


async def test_a_visitor_is_the_same_on_the_next_page(visit: OpenVisit) -> None:
    """The session stays, in the cookie that older libraries know; who it is goes along with events."""
    arrived = await visit()
    page = await arrived.click()
    session = await page.evaluate("() => Clicktrail.session")
    await page.evaluate("() => Clicktrail.identify('user_2', {source: 'shop'})")
    await page.goto(f"{arrived.shop.url}/cart")
    assert await page.evaluate("() => Clicktrail.session") == session
    assert f"hello_session={session}" in await page.evaluate("() => document.cookie")
    async with page.expect_request("**/v1/track/events") as asked:
        await page.evaluate("() => Clicktrail.track('cart.viewed', {metadata: {big: '9007199254740993'}})")
    sent = json.loads((await asked.value).post_data or "")
    assert sent["user_parameters"] == {"id": "user_2", "source": "shop"}
    assert sent["page"] == {"url": page.url, "title": "Shop", "path": "/cart"}


async def test_campaigns_of_the_address_go_along(visit: OpenVisit) -> None:
    """UTM parameters are sent with the time at which the page was opened."""
    arrived = await visit()
    page = await arrived.click()
    async with page.expect_request("**/v1/track/events") as asked:
        await page.evaluate("() => Clicktrail.track('page.viewed')")
    sent = json.loads((await asked.value).post_data or "")
    assert sent["utm_params"].pop("observed_at") <= sent["tracked_at"]
    assert sent["utm_params"] == {"source": "hellotext", "medium": "sms"}


async def test_no_call_throws_into_the_page(visit: OpenVisit) -> None:
    """What cannot be sent is answered as failed."""
    arrived = await visit()
    page = await arrived.click()
    answers = await page.evaluate(
        """() => {
            const circle = {}
            circle.self = circle
            return Promise.all([circle, {metadata: 1n}].map(params => Clicktrail.track('page.viewed', params)))
        }"""
    )
    assert [answer["failed"] for answer in answers] == [True, True]
    assert (await page.evaluate("() => Clicktrail.track()"))["failed"]
    assert (await page.evaluate("() => Clicktrail.track('page.viewed', null)"))["succeeded"]


async def test_the_queue_is_bounded(visit: OpenVisit) -> None:
    """At most 200 calls wait; the oldest is given up for the newest."""
    arrived = await visit()
    page = await arrived.click()
    await arrived.cut()
    kept = await page.evaluate(
        """() => {
            for (let count = 0; count < 205; count++) Clicktrail.track('page.viewed', {metadata: {count}})
            const kept = Object.keys(localStorage).filter(key => key.startsWith('clicktrail:')).sort()
            return kept.map(key => JSON.parse(localStorage[key].split('\\n')[1]).metadata.count)
        }"""
    )
    assert kept == list(range(5, 205))
    await page.evaluate("() => localStorage.clear()")
    await nothing_waits(page)
