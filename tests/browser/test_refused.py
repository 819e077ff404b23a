"""What a browser, a proxy or an ad blocker refuses loses no event and throws nothing into the shop's page."""

import json

import pytest
from playwright.async_api import Route

from tests.browser.conftest import OpenVisit
from tests.browser.hosts import NEW, SESSION, Visitor
from tests.browser.visits import CALLS, nothing_waits, this_waits

WWW = "www.shop.test"
TRACK = "() => Clicktrail.track('page.viewed')"
READABLE = {"Access-Control-Allow-Origin": "*"}

NO_STORAGE = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('off', 'SecurityError') }})"
NULL_STORAGE = "Object.defineProperty(window, 'localStorage', {value: null})"
FULL_STORAGE = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }"
NO_COOKIES = """Object.defineProperty(Document.prototype, 'cookie', {
    get() { throw new DOMException('off', 'SecurityError') }, set() { throw new DOMException('off', 'SecurityError') }
})"""
DEAF_COOKIES = "Object.defineProperty(Document.prototype, 'cookie', {get: () => '', set() {}})"


@pytest.mark.parametrize(
    "refusals",
    [
        (NO_STORAGE,),
        (NULL_STORAGE,),
        (FULL_STORAGE,),
        (NO_COOKIES,),
        (DEAF_COOKIES,),
        (NO_STORAGE, NO_COOKIES),
        (NULL_STORAGE, DEAF_COOKIES, "delete Navigator.prototype.sendBeacon"),
        ("delete window.performance", "delete AbortSignal.timeout"),
        ("history.replaceState = history.pushState = () => { throw new DOMException('no', 'SecurityError') }",),
    ],
    ids=lambda refusals: str(len(refusals)),
)
async def test_what_is_refused_is_done_without(visitor: Visitor, refusals: tuple[str, ...]) -> None:
    """The session of the click is there, events go out, a logout works; nothing is uncaught."""
    for refusal in refusals:
        await visitor.context.add_init_script(refusal)
    page = await visitor.open(WWW, f"/?hello_session={NEW}")
    assert await page.evaluate(SESSION) == NEW
    assert (await page.evaluate(TRACK))["succeeded"]
    await page.evaluate("() => Clicktrail.forget()")
    assert (await page.evaluate(TRACK))["succeeded"]
    assert await page.evaluate(SESSION) not in ("", NEW)


@pytest.mark.parametrize("sandbox", ["allow-scripts", "allow-scripts allow-forms", "allow-scripts allow-popups"])
@pytest.mark.parametrize("source", ["src", "srcdoc"])
async def test_a_sandboxed_frame_tracks(visitor: Visitor, sandbox: str, source: str) -> None:
    """Without an origin it has neither cookies nor storage: the session stays in its memory."""
    shop = visitor.shop
    value = "/p/1" if source == "src" else shop.ordinary.replace('"', "&quot;")
    shop.pages["/frame"] = f'<iframe sandbox="{sandbox}" {source}="{value}"></iframe>'
    page = await visitor.open(WWW, "/frame")
    del shop.pages["/frame"]
    (frame,) = page.main_frame.child_frames
    assert (await frame.evaluate(TRACK))["succeeded"]
    session = await frame.evaluate(SESSION)
    assert session
    assert (await frame.evaluate("() => Clicktrail.identify('ana', {source: 'frames'})"))["succeeded"]
    assert await frame.evaluate(SESSION) == session


@pytest.mark.parametrize(
    "beacon",
    [
        "undefined",
        "() => false",
        "() => { throw new TypeError('no') }",
        "null",
        "function () { return this.nothing.at.all }",
        "'none'",
    ],
)
async def test_a_page_that_closes_needs_no_beacon(visit: OpenVisit, beacon: str) -> None:
    """Where beacons are refused, what waits goes out by other means as the page is left, and is stored once."""
    arrived = await visit()
    await arrived.context.add_init_script(f"Navigator.prototype.sendBeacon = {beacon}")
    page = await arrived.click()
    await page.evaluate("() => addEventListener('pagehide', () => { Clicktrail.track('cart.viewed') })")
    await page.goto(f"{arrived.shop.url}/next")
    await nothing_waits(page)
    await arrived.actions_when("cart.viewed")


# By status and body: what is not about the event itself, whoever says it.
OF_THE_WAY = [
    (401, '{"errors": [{"type": "unauthorized", "description": "Unknown."}]}'),
    (403, '{"message": "Forbidden"}'),
    (404, '{"errors": [{"type": "not_found", "description": "There is no such route."}]}'),
    (405, '{"errors": [{"type": "invalid", "description": "No."}]}'),
    (413, '{"errors": []}'),
]
OF_OTHERS = [
    (404, '{"error": "no app"}'),
    (407, "{}"),
    (413, "<h1>Too large</h1>"),
    (400, '{"message": "Bad request"}'),
    (400, '{"errors": "Bad request"}'),
    (422, "{}"),
    (200, "{}"),
    (200, '{"portal": "Log in"}'),
    (204, ""),
    (502, "{}"),
    (511, '{"errors": [{"parameter": "action"}]}'),
]


@pytest.mark.parametrize(("status", "body"), OF_THE_WAY)
async def test_only_an_answer_about_the_event_ends_it(visitor: Visitor, status: int, body: str) -> None:
    """It waits through all others, and through pages, until the API has it."""
    page = await visitor.open(WWW)

    async def answer(route: Route) -> None:
        await route.fulfill(status=status, body=body, headers=READABLE)

    await visitor.context.route(CALLS, answer)
    assert await page.evaluate(TRACK) == {"data": {"status": "waiting"}}
    await page.reload()
    await this_waits(page, 1)
    await visitor.context.unroute(CALLS)
    await page.reload()
    await nothing_waits(page)


async def test_no_answer_of_others_ends_an_event(visitor: Visitor) -> None:
    """Whatever status and body a proxy, a firewall or a hotel's network gives it."""
    page = await visitor.open(WWW)
    answers = list(OF_OTHERS)

    async def answer(route: Route) -> None:
        status, body = answers.pop(0)
        await route.fulfill(status=status, body=body, headers=READABLE)

    await visitor.context.route(CALLS, answer)
    await page.evaluate(TRACK)
    while answers:
        async with page.expect_response(CALLS):
            await page.evaluate("() => dispatchEvent(new Event('online'))")
    await this_waits(page, 1)
    await visitor.context.unroute(CALLS)
    await page.reload()
    await nothing_waits(page)


@pytest.mark.parametrize(
    ("status", "parameter"), [(400, None), (404, "action"), (409, None), (413, None), (422, "amount")]
)
async def test_what_the_api_says_of_the_event_ends_it(visitor: Visitor, status: int, parameter: str | None) -> None:
    """It is told what is wrong, and does not come again."""
    page = await visitor.open(WWW)
    fault = {"type": "invalid", "parameter": parameter, "description": "is not one."}

    async def answer(route: Route) -> None:
        await route.fulfill(status=status, body=json.dumps({"errors": [fault]}), headers=READABLE)

    await visitor.context.route(CALLS, answer)
    told = await page.evaluate(TRACK)
    assert told == {"succeeded": False, "failed": True, "data": {"errors": [fault]}}
    await nothing_waits(page)


async def test_a_call_whose_route_is_not_there_holds_nothing_up(visit: OpenVisit) -> None:
    """A name waits for a route that some proxy does not know; events go on."""
    arrived = await visit()
    page = await arrived.click()

    async def answer(route: Route) -> None:
        if "identifications" in route.request.url:
            await route.fulfill(status=404, body="{}", headers=READABLE)
        else:
            await route.continue_()

    await arrived.context.route(CALLS, answer)
    named = await page.evaluate("() => Clicktrail.identify('ana', {source: 'proxies'})")
    assert named == {"data": {"status": "waiting"}}
    await page.evaluate(TRACK)
    await arrived.actions_when("page.viewed")
    await this_waits(page, 1)
    await arrived.mend()
    await page.reload()
    await nothing_waits(page)


BLOCKED = "**/v1/c.js"
CALLED = """
    let reached = 0;
    Clicktrail.on('session-set', () => {});
    const answers = Promise.all([
        Clicktrail.track('page.viewed'), Clicktrail.identify('ana'), Clicktrail.forget(), Clicktrail.optIn()
    ]);
    reached = 1;
"""


async def test_a_blocked_script_breaks_nothing(visitor: Visitor) -> None:
    """With the snippet all calls of the page go on, and are answered as waiting."""
    shop = visitor.shop
    await visitor.context.route(BLOCKED, lambda route: route.abort("blockedbyclient"))
    shop.pages["/blocked"] = f"{shop.snippet}{shop.script('c.js', 'async')}<script>{CALLED}</script>"
    page = await visitor.open(WWW, "/blocked")
    del shop.pages["/blocked"]
    assert await page.evaluate("() => reached") == 1
    assert await page.evaluate("() => answers") == [{"data": {"status": "waiting"}}] * 4
    assert await page.evaluate("() => [Clicktrail.session, Clicktrail.isInitialized]") == [None, None]


async def test_a_gateway_that_is_away_breaks_nothing(visitor: Visitor) -> None:
    """The script comes from no server at all, or what comes is an error."""
    shop = visitor.shop
    statuses = [0, 404, 503]

    async def refuse(route: Route) -> None:
        status = statuses.pop()
        await (route.fulfill(status=status, body="no") if status else route.abort())

    await visitor.context.route(BLOCKED, refuse)
    shop.pages["/away"] = f"{shop.snippet}{shop.script('c.js', 'async')}<script>{CALLED}</script>"
    while statuses:
        page = await visitor.open(WWW, "/away")
        assert await page.evaluate("() => reached") == 1
    del shop.pages["/away"]
