"""How shops load and begin the script, and what it tells their developers."""

import re
from typing import Any

import httpx
import pytest

from gateway.tracker.script import TYPES
from tests.browser.conftest import OpenVisit
from tests.browser.hosts import NEW, SESSION, Visitor
from tests.browser.visits import nothing_waits
from tests.support.system import System

WWW = "www.shop.test"
PAGE = "/snippet"


async def test_calls_before_the_script_are_made_up_for(visit: OpenVisit) -> None:
    """What the page called while the script was on its way is done in order, and answered as if it had been there."""
    arrived = await visit()
    shop = arrived.shop
    shop.pages["/p/1"] = f"""{shop.snippet}<script>
        const heard = [], tracker = Clicktrail;
        Clicktrail.on('session-set', session => heard.push(session));
        const viewed = Clicktrail.track('page.viewed');
        const named = Clicktrail.identify('{arrived.profile}', {{source: 'shop'}});
        const refused = Clicktrail.track('no.such');
    </script>{shop.script("c.js", "async")}"""
    page = await arrived.click()
    del shop.pages["/p/1"]
    viewed, named, refused = await page.evaluate("() => Promise.all([viewed, named, refused])")
    assert (viewed["succeeded"], named["succeeded"], refused["succeeded"]) == (True, True, False)
    assert await page.evaluate("() => heard") == [await page.evaluate(SESSION)]
    # A page that kept the snippet's object goes on with it.
    later = await page.evaluate("() => tracker.track('cart.viewed')")
    assert later["succeeded"], later
    await arrived.actions_when("page.viewed", "cart.viewed")


async def test_the_script_may_come_twice(visitor: Visitor) -> None:
    """A page with two tags, or the snippet twice, has one tracker, and tracks once."""
    shop = visitor.shop
    shop.pages[PAGE] = (shop.snippet + shop.script("c.js", "async") + shop.script("tracker.js")) * 2
    page = await visitor.open(WWW, PAGE)
    del shop.pages[PAGE]
    await page.wait_for_function("() => Clicktrail.isInitialized")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url.rpartition('/')[2]}"))
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    await nothing_waits(page)
    assert sent.count("POST events") == 1


@pytest.mark.parametrize("name", ["c.js", "tracker.js", "c.js?v=7", "tracker.js#x"])
async def test_the_script_knows_where_it_came_from(visitor: Visitor, name: str) -> None:
    """By either name, whatever stands behind it."""
    shop = visitor.shop
    shop.pages[PAGE] = shop.script(name)
    page = await visitor.open(WWW, PAGE)
    del shop.pages[PAGE]
    await page.evaluate("id => Clicktrail.initialize(id)", shop.business)
    assert (await page.evaluate("() => Clicktrail.track('page.viewed')"))["succeeded"]


PLACES = ["/bundle.js", "/assets/tracker.js", "/v1/app.c.js", "/c.js", "/v1/c.js.map", "/v2/c.json"]


@pytest.mark.parametrize("place", [*PLACES, "inline", "module"])
async def test_a_script_that_is_not_the_gateways_needs_its_address(
    visitor: Visitor, public: httpx.AsyncClient, place: str
) -> None:
    """Copied into a bundle, a page or a module, it says so, and sends nothing to the shop; with `apiRoot` it works."""
    shop = visitor.shop
    text = (await public.get("/v1/c.js")).text
    tags = {"inline": f"<script>{text}</script>", "module": f"<script type=module>{text}</script>"}
    shop.pages[PAGE] = tags.get(place, f'<script src="{place}"></script>')
    shop.pages[place] = text
    page = await visitor.open(WWW, PAGE)
    del shop.pages[PAGE], shop.pages[place]
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    begun = await page.evaluate("id => Clicktrail.initialize(id)", shop.business)
    assert (begun["failed"], "apiRoot" in begun["data"]) == (True, True)
    assert (await page.evaluate("() => Clicktrail.track('page.viewed')"))["failed"]
    assert sent == []
    assert any("apiRoot" in said for said in visitor.said)
    await page.evaluate("([id, apiRoot]) => Clicktrail.initialize(id, {apiRoot})", [shop.business, shop.gateway])
    assert (await page.evaluate("() => Clicktrail.track('page.viewed')"))["succeeded"]


async def test_the_gateways_address_may_be_written_in_every_way(visitor: Visitor) -> None:
    """With or without the version."""
    shop = visitor.shop
    page = await visitor.open(WWW)
    for root in ("", "/", "/v1", "/v1/", "//v1//"):
        address = shop.gateway + root
        await page.evaluate("([id, apiRoot]) => Clicktrail.initialize(id, {apiRoot})", [shop.business, address])
        assert (await page.evaluate("() => Clicktrail.track('page.viewed')"))["succeeded"]


NOBODIES = ["undefined", "null", "NaN", "{}", "0"]
MORE_NOBODIES = [
    "-0",
    "''",
    "'  '",
    "'undefined'",
    "'null'",
    "'NaN'",
    "'[object Object]'",
    "' Undefined '",
    "'0'",
    "[]",
    "[7]",
    "true",
    "false",
    "Infinity",
    "() => 7",
    "Symbol('ana')",
    "new Date()",
]


@pytest.mark.parametrize("written", NOBODIES)
async def test_nobody_is_not_identified(visitor: Visitor, written: str) -> None:
    """What scripts make of nothing fails, is said once in the console, and sends nothing."""
    page = await visitor.open(WWW)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    for _ in range(2):
        answer = await page.evaluate(f"() => Clicktrail.identify({written}, {{source: 'shop'}})")
        assert (answer["succeeded"], answer["failed"]) == (False, True)
    assert sent == []
    assert len([said for said in visitor.said if "identify" in said]) == 1
    assert await page.evaluate("() => localStorage.clicktrail_user") is None


async def test_nothing_that_is_no_id_is_identified(visitor: Visitor) -> None:
    """Texts of nothing, lists, flags, functions, symbols, dates, and promises that were not waited for."""
    page = await visitor.open(WWW)
    answers = await page.evaluate(f"() => Promise.all([{', '.join(MORE_NOBODIES)}].map(id => Clicktrail.identify(id)))")
    answers.append(await page.evaluate("() => Clicktrail.identify(Promise.resolve('ana'))"))
    assert [answer["failed"] for answer in answers] == [True] * (len(MORE_NOBODIES) + 1)


async def test_somebody_is_identified(visitor: Visitor) -> None:
    """Every other text and number is an id."""
    page = await visitor.open(WWW)
    written = ["'ana'", "7", "'00'", "9007199254740993n", "'null-7'", "'[a]'", "-1", "'0.5'"]
    answers = await page.evaluate(f"() => Promise.all([{', '.join(written)}].map(id => Clicktrail.identify(id)))")
    assert [answer["succeeded"] for answer in answers] == [True] * len(written)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("initialize()", "business"),
        ("initialize('')", "business"),
        ("initialize(null)", "business"),
        ("track('page.viewed')", "initialize"),
        ("identify('ana')", "initialize"),
    ],
)
async def test_a_call_that_cannot_be_done_says_why(visitor: Visitor, call: str, words: str) -> None:
    """In its answer, and once in the console."""
    visitor.shop.pages[PAGE] = visitor.shop.script("c.js")
    page = await visitor.open(WWW, PAGE)
    del visitor.shop.pages[PAGE]
    for _ in range(2):
        answer = await page.evaluate(f"() => Clicktrail.{call}")
        assert answer["failed"]
        assert words in answer["data"]
    assert len([said for said in visitor.said if words in said]) == 1
    assert await page.evaluate("() => Clicktrail.isInitialized") is False


async def test_what_the_api_refuses_is_said_in_the_console(visitor: Visitor) -> None:
    """A wrong business, and an action that there is not."""
    page = await visitor.open(WWW)
    await page.evaluate("() => Clicktrail.track('no.such')")
    assert any("404" in said and "action" in said for said in visitor.said)
    await page.evaluate("() => Clicktrail.initialize('no-such-business')")
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    assert any("401" in said for said in visitor.said)


async def test_debugging_tells_every_call_and_answer(visitor: Visitor) -> None:
    """By option; without it the console stays empty."""
    quiet = await visitor.open(WWW)
    await quiet.evaluate("() => Clicktrail.track('page.viewed')")
    assert visitor.said == []
    visitor.shop.pages[PAGE] = visitor.shop.page_with("{debug: true}")
    page = await visitor.open(WWW, PAGE)
    del visitor.shop.pages[PAGE]
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    assert any("/track/events" in said and '"page.viewed"' in said for said in visitor.said)
    assert any("200" in said and "received" in said for said in visitor.said)


async def test_a_session_may_be_given_and_need_not_be_made(visitor: Visitor) -> None:
    """By option: the shop's server knows one, or visitors without a click are not to have one."""
    shop = visitor.shop
    shop.pages[PAGE] = shop.page_with("{autoGenerateSession: false}")
    page = await visitor.open(WWW, PAGE)
    assert await page.evaluate(SESSION) == ""
    assert (await page.evaluate("() => Clicktrail.track('page.viewed')"))["failed"]
    assert await visitor.context.cookies() == []
    assert await visitor.session_at(WWW, f"{PAGE}?hello_session={NEW}") == NEW
    assert await visitor.session_at(WWW, PAGE) == NEW
    shop.pages[PAGE] = shop.page_with("{session: 'GIVENBYTHESHOP'}")
    assert await visitor.session_at(WWW, PAGE) == "GIVENBYTHESHOP"
    del shop.pages[PAGE]
    assert await visitor.session_at(WWW) == "GIVENBYTHESHOP"


async def test_the_types_name_every_call(visitor: Visitor, public: httpx.AsyncClient, system: System) -> None:
    """They are served beside the script, and have what it has."""
    served = await public.get("/v1/clicktrail.d.ts")
    assert served.text == TYPES.read_text("utf-8")
    tracker = served.text.partition("export interface Tracker {")[2].partition("\n}")[0]
    named = re.findall(r"^  (?:readonly )?(\w+)[?(]", tracker, re.MULTILINE)
    page = await visitor.open(WWW)
    assert sorted(named) == await page.evaluate("() => Object.keys(Clicktrail).sort()")
    document: dict[str, Any] = (await public.get("/openapi.json")).json()
    assert {"/v1/c.js", "/v1/tracker.js", "/v1/clicktrail.d.ts", "/v1/p.gif"} <= set(document["paths"])
    assert system.business
