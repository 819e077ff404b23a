"""Which session a visitor has, on all hosts of a shop."""

import ssl
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page

from tests.browser.conftest import OpenVisit
from tests.browser.hosts import NEW, OLD, SESSION, Visitor, open_visitor, sent_by, set_cookie
from tests.browser.shop import Shop, open_shop
from tests.browser.visits import nothing_waits, open_visit
from tests.support.certificates import Authority
from tests.support.system import CLIENT_SECONDS, System
from tests.support.waiting import eventually

WWW, CHECKOUT = "www.shop.test", "checkout.shop.test"
CLICKED = f"/?hello_session={NEW}"

# Where a cookie of an older library may stand for a page of www.shop.test.
SCOPES = [
    {"domain": ".shop.test"},
    {"domain": ".www.shop.test"},
    {"url": "http://www.shop.test/"},
    {"domain": ".shop.test", "path": "/cart"},
    {"domain": "www.shop.test", "path": "/cart"},
]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_the_clicks_session_wins_over_an_older_cookie(visitor: Visitor, scope: dict[str, str]) -> None:
    """In whatever scope that stands: on the page of the click and on later ones; nor does `forget` bring it back."""
    await visitor.set_cookie(OLD, **scope)
    assert await visitor.session_at(WWW, CLICKED) == NEW
    page = await visitor.open(WWW, "/cart/1")
    assert await page.evaluate(SESSION) == NEW
    assert await visitor.cookies() == [(NEW, ".shop.test")]
    await page.evaluate("() => Clicktrail.forget()")
    assert await visitor.session_at(WWW, "/cart/1") not in ("", NEW, OLD)
    assert OLD not in str(await visitor.context.cookies())
    assert NEW not in str(await visitor.context.cookies())


async def test_the_clicks_session_wins_over_cookies_in_every_scope_at_once(visitor: Visitor) -> None:
    """Of a host, of the root domain and of a path, and one that comes after the click."""
    for number, scope in enumerate(SCOPES):
        await visitor.set_cookie(f"{OLD}-{number}", **scope)
    assert await visitor.session_at(WWW, CLICKED) == NEW
    for number, scope in enumerate(SCOPES):
        await visitor.set_cookie(f"{OLD}-{number}", **scope)
    assert await visitor.session_at(WWW, "/cart/1") == NEW
    assert await visitor.session_at(CHECKOUT) == NEW


async def test_an_older_cookie_of_another_host_does_not_win_there(visitor: Visitor) -> None:
    """The host has one of its own from a former visit; the visitor comes from the click at another host."""
    await visitor.set_cookie(OLD, url="http://checkout.shop.test/")
    await visitor.session_at(WWW, CLICKED)
    assert await visitor.session_at(CHECKOUT) == NEW
    assert await visitor.cookies() == [(NEW, ".shop.test")]


async def test_a_visitor_of_an_older_library_stays_who_they_are(visitor: Visitor) -> None:
    """Without a click the session of its cookie goes on, now for all hosts."""
    await visitor.set_cookie(OLD, url="http://www.shop.test/")
    assert await visitor.session_at(WWW) == OLD
    assert await visitor.session_at(CHECKOUT) == OLD


async def test_what_an_older_script_left_in_storage_goes_on(visitor: Visitor) -> None:
    """Where its cookie was cleared, and the storage was not."""
    page = await visitor.open(WWW)
    await page.evaluate(f"() => {{ localStorage.clear(); localStorage.hello_session = '{OLD}' }}")
    await visitor.context.clear_cookies()
    await page.reload()
    assert await page.evaluate(SESSION) == OLD


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("www.shop.test", "checkout.shop.test"),
        ("shop.test", "www.shop.test"),
        ("a.b.shop.test", "c.shop.test"),
        ("www.shop.com.br", "pay.shop.com.br"),
        ("www.shop.co.uk", "shop.co.uk"),
        ("mystore.myshopify.com", "checkout.mystore.myshopify.com"),
        ("mystore.myvtex.com", "www.mystore.myvtex.com"),
        ("www.shop.localhost", "checkout.shop.localhost"),
    ],
)
async def test_a_session_goes_along_to_another_host_of_the_shop(visitor: Visitor, first: str, second: str) -> None:
    """There and back, whatever the public suffix."""
    assert await visitor.session_at(first, CLICKED) == NEW
    assert await visitor.session_at(second) == NEW
    assert await visitor.session_at(first, "/cart") == NEW


@pytest.mark.parametrize(
    ("host", "other"),
    [
        ("mystore.myshopify.com", "other.myshopify.com"),
        ("shop.com.br", "other.com.br"),
        ("shop.co.uk", "other.co.uk"),
        ("mystore.wixsite.com", "other.wixsite.com"),
        ("mystore.myvtex.com", "other.myvtex.com"),
        ("mystore.vtexcommercestable.com.br", "other.vtexcommercestable.com.br"),
        ("mystore.mitiendanube.com", "other.mitiendanube.com"),
        ("mystore.lojavirtualnuvem.com.br", "other.lojavirtualnuvem.com.br"),
        ("www.shop.test", "www.other.test"),
        ("127.0.0.1", "127.0.0.2"),
    ],
)
async def test_a_session_never_goes_to_another_shop(visitor: Visitor, host: str, other: str) -> None:
    """Not below a public suffix, nor below a platform's own domain."""
    assert await visitor.session_at(host, CLICKED) == NEW
    assert await visitor.session_at(other) not in ("", NEW)


async def test_cookies_are_for_tls_where_the_page_is(browser: Browser, system: System, tmp_path: Path) -> None:
    """On an https page they are `Secure`, and of the registrable domain."""
    Authority("tests").sign_into(tmp_path, "shop")
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    async with open_shop(system.http, system.business, certificate) as shop, open_visitor(browser, shop) as visitor:
        assert await visitor.session_at(WWW, CLICKED) == NEW
        cookies = await visitor.context.cookies()
    kept = {(cookie["name"], cookie["domain"], cookie["secure"], cookie["sameSite"]) for cookie in cookies}
    assert kept == {(name, ".shop.test", True, "Lax") for name in ("clicktrail", "hello_session")}


async def test_a_shop_may_name_the_domain_of_its_cookies(visitor: Visitor) -> None:
    """By option, for a platform whose suffix nobody knows."""
    visitor.shop.pages["/own"] = visitor.shop.page_with("{cookieDomain: ''}")
    session = await visitor.session_at("a.mall.test", "/own")
    del visitor.shop.pages["/own"]
    assert await visitor.cookies() == [(session, "a.mall.test")]


@pytest.mark.parametrize(
    "query",
    [
        "?x_hello_session=COPIED00000001",
        "?hello_session_x=COPIED00000001",
        "?my-hello_session=COPIED00000001",
        "?a=1;hello_session=COPIED00000001",
        "?next=/p%3Fhello_session=COPIED00000001",
        "?q=hello_session=COPIED00000001",
        "?hello_session=short",
        "?hello_session=undefined",
        "?hello_session=with%20space%20in",
        "#hello_session=COPIED00000001",
    ],
)
async def test_a_session_is_a_whole_parameter(visitor: Visitor, query: str) -> None:
    """What only has its name somewhere is none."""
    session = await visitor.session_at(WWW, f"/{query}")
    assert session
    assert session not in query


@pytest.mark.parametrize(
    "query",
    [
        f"?hello_session={NEW}",
        f"?hellotext_session={NEW}",
        f"?hellotext_session_id={NEW}",
        f"?hellotext_session_id={OLD}&hellotext_session={NEW}&hello_session={NEW}",
        f"?hellotext_session={OLD}&hello_session={NEW}",
        f"?utm_source=a&hello%5Fsession={NEW}&b#c",
    ],
)
async def test_every_name_of_a_session_is_read(visitor: Visitor, query: str) -> None:
    """Those that redirects set come first."""
    assert await visitor.session_at(WWW, f"/{query}") == NEW


async def test_a_session_that_a_destination_was_copied_with_is_nobodys(
    visitor: Visitor, private: httpx.AsyncClient, system: System, shop: Shop
) -> None:
    """Two clicks on a link whose destination has an older library's parameter have a session each."""
    destination = shop.at(WWW, "/?hellotext_session_id=COPIED00000001")
    link = (await private.post("/v1/links", json={"destination": destination})).json()
    page = await visitor.open(WWW)
    sessions = []
    for _ in range(2):
        response = await page.goto(f"{system.http}/{link['code']}")
        assert response is not None
        session = await page.evaluate(SESSION)
        assert httpx.URL(response.url).params["hello_session"] == session
        sessions.append(session)
    assert len({*sessions, "COPIED00000001"}) == 3


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (f"/p/1?hello_session={NEW}", "/p/1"),
        (f"/p/1?hellotext_session={NEW}&hello_session={NEW}", "/p/1"),
        (f"/p/1?ref=a%20b&hellotext_session={NEW}&hello_session={NEW}#size", "/p/1?ref=a%20b#size"),
        (f"/p/1?hello_session={NEW}&a=&&b=1;c", "/p/1?a=&&b=1;c"),
        (f"/p/1?a&hello_session={NEW}&b&hellotext_session_id={NEW}&c", "/p/1?a&b&c"),
        (f"/p/1?x_hello_session=1234567890&hello_session={NEW}", "/p/1?x_hello_session=1234567890"),
    ],
)
async def test_the_session_leaves_the_address(visitor: Visitor, address: str, expected: str) -> None:
    """Once the page has loaded; all else stays byte for byte, and no stored address of a page has it."""
    page = await visitor.open(WWW, address)
    await page.wait_for_url(visitor.shop.at(WWW, expected))
    async with page.expect_request("**/v1/track/events") as asked:
        await page.evaluate("url => Clicktrail.track('page.viewed', {url})", visitor.shop.at(WWW, address))
    assert sent_by(await asked.value)["page"]["url"] == visitor.shop.at(WWW, expected)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (f'<a href="https://shop.test/?hello_session={NEW}">', '<a href="https://shop.test/">'),
        (f'<a href="/?hello_session={NEW}&a=1" title="x">', '<a href="/?a=1" title="x">'),
        (f"https://shop.test/?hello_session={NEW}\\n", "https://shop.test/\\n"),
        (f"/?a=1&hellotext_session={NEW}\n/?hello_session={NEW}", "/?a=1\n/"),
        (f"?hello_session={NEW}", ""),
        (f'"?hello_session={NEW}"', '""'),
    ],
)
async def test_a_session_within_a_text_leaves_the_event_whole(visitor: Visitor, sent: str, kept: str) -> None:
    """Where its address stands in quotation marks, or before the end of a line."""
    page = await visitor.open(WWW)
    async with page.expect_request("**/v1/track/events") as asked:
        told = await page.evaluate("text => Clicktrail.track('page.viewed', {metadata: {text}})", sent)
    assert told["succeeded"], told
    assert sent_by(await asked.value)["metadata"] == {"text": kept}


@pytest.mark.parametrize("left", ["undefined", "a b c d e f g", "short", "null", '"OLDOLDOLD1"', "x" * 65])
async def test_what_is_no_session_is_not_gone_on_with(visitor: Visitor, left: str) -> None:
    """Neither out of storage nor out of a cookie: the API would refuse every event."""
    page = await visitor.open(WWW)
    await page.evaluate("left => { localStorage.clear(); localStorage.hello_session = left }", left)
    await visitor.context.clear_cookies()
    await page.evaluate("left => { document.cookie = `hello_session=${left};path=/` }", left)
    await page.reload()
    assert await page.evaluate(SESSION) not in ("", left)
    assert (await page.evaluate("() => Clicktrail.track('page.viewed')"))["succeeded"]


@pytest.mark.parametrize(
    "query",
    ["utm_observed_at=yesterday", "utm_observed_at=", "utm_=x", "utm_id=7&utm_source=a&utm_source=b", "utm_source=%ff"],
)
async def test_no_parameter_of_an_address_refuses_an_event(visitor: Visitor, query: str) -> None:
    """Anybody may write one."""
    page = await visitor.open(WWW, f"/?{query}")
    told = await page.evaluate("() => Clicktrail.track('page.viewed')")
    assert told["succeeded"], told


async def test_the_address_keeps_the_session_until_the_page_has_loaded(visitor: Visitor) -> None:
    """Scripts of a platform read it while the page loads; what the router has noted stays."""
    script = """<script>
        history.replaceState({router: 7}, '')
        seen = [location.search]
        addEventListener('load', () => seen.push(location.search))
    </script>"""
    visitor.shop.pages["/loading"] = visitor.shop.ordinary + script
    page = await visitor.open(WWW, f"/loading?hello_session={NEW}")
    await page.wait_for_url(visitor.shop.at(WWW, "/loading"))
    del visitor.shop.pages["/loading"]
    assert await page.evaluate("() => seen") == [f"?hello_session={NEW}"] * 2
    assert await page.evaluate("() => history.state") == {"router": 7}


async def test_the_session_may_stay_in_the_address(visitor: Visitor) -> None:
    """By option; opened again after a `forget`, it does not come back."""
    visitor.shop.pages["/keep"] = visitor.shop.page_with("{keepAddress: true}")
    page = await visitor.open(WWW, f"/keep?hello_session={NEW}")
    await page.evaluate("() => Clicktrail.track('page.viewed')")
    assert NEW in page.url
    await page.evaluate("() => Clicktrail.forget()")
    await page.reload()
    assert NEW in page.url
    assert await page.evaluate(SESSION) not in ("", NEW)
    del visitor.shop.pages["/keep"]


async def test_a_copied_address_gives_nothing_away(visitor: Visitor, browser: Browser) -> None:
    """Who opens the address that stands in the bar of the visitor's browser has a session of their own."""
    page = await visitor.open(WWW, f"/p/1?ref=a&hello_session={NEW}")
    await page.wait_for_url(visitor.shop.at(WWW, "/p/1?ref=a"))
    async with open_visitor(browser, visitor.shop) as friend:
        other = await friend.open(WWW)
        await other.goto(page.url)
        assert await other.evaluate(SESSION) not in ("", NEW)


async def has_session(page: Page, session: str) -> None:
    """Wait until a page has a session: one from memory may be put into place only now."""
    await page.wait_for_function(
        "session => Clicktrail.session === session", arg=session, timeout=CLIENT_SECONDS * 1000
    )


async def test_back_and_forward_are_no_clicks(visitor: Visitor) -> None:
    """The newer click's session stays, also where the older one's address comes back, from memory or not."""
    for flags in ("", "addEventListener('unload', () => {})"):
        visitor.shop.pages["/p"] = f"{visitor.shop.ordinary}<script>{flags}</script>"
        page = await visitor.open(WWW, f"/p?hello_session={OLD}{len(flags)}")
        await page.goto(visitor.shop.at(WWW, f"/p?hello_session={NEW}{len(flags)}"))
        await page.go_back()
        await has_session(page, f"{NEW}{len(flags)}")
        await page.goto(visitor.shop.at(WWW, f"/p?hello_session={OLD}{len(flags)}"))
        await has_session(page, f"{NEW}{len(flags)}")
        await page.go_forward()
        await has_session(page, f"{NEW}{len(flags)}")
    del visitor.shop.pages["/p"]


async def test_two_tabs_have_the_session_of_the_last_click(visitor: Visitor) -> None:
    """What the first tab tracks after the second one's click is in the second one's session; so is a `forget`."""
    first = await visitor.open(WWW, f"/?hello_session={OLD}")
    second = await visitor.open(WWW, CLICKED)
    async with first.expect_request("**/v1/track/events") as asked:
        await first.evaluate("() => Clicktrail.track('page.viewed')")
    assert sent_by(await asked.value)["session"] == NEW
    await second.evaluate("() => Clicktrail.forget()")
    await first.evaluate("() => Clicktrail.track('page.viewed')")
    assert await first.evaluate(SESSION) == await second.evaluate(SESSION)
    assert await first.evaluate(SESSION) not in ("", OLD, NEW)


async def test_who_logs_out_at_one_host_is_nobody_at_another(visitor: Visitor) -> None:
    """After a `forget` at one host, another one that knew the visitor neither has their session nor says their id."""
    page = await visitor.open(WWW, CLICKED)
    checkout = await visitor.open(CHECKOUT)
    await checkout.evaluate("() => Clicktrail.identify('ana-17', {source: 'hosts'})")
    await page.evaluate("() => Clicktrail.forget()")
    said: list[str] = []
    visitor.context.on("request", lambda request: said.append(request.post_data or ""))
    await page.goto(visitor.shop.at(CHECKOUT, f"/?hello_session={NEW}2"))
    await page.evaluate("() => Clicktrail.track('cart.viewed')")
    await nothing_waits(page)
    assert any(f"{NEW}2" in body for body in said)
    assert not any("ana-17" in body for body in said)


async def test_the_browsers_first_session_is_known_on_all_hosts(visitor: Visitor) -> None:
    """Who clicked at one host, and opens an address with another session at another, is identified with the first."""
    await visitor.session_at(WWW, CLICKED)
    await visitor.session_at(CHECKOUT, f"/?hello_session={OLD}")
    page = await visitor.open(WWW)
    async with page.expect_request("**/v1/public/identifications") as asked:
        await page.evaluate("() => Clicktrail.identify('ana', {source: 'hosts'})")
    sent = sent_by(await asked.value)
    assert (sent["session"], sent["earlier_session"]) == (OLD, NEW)


async def test_an_order_at_the_checkout_is_the_clicks(
    browser: Browser, system: System, shop: Shop, private: httpx.AsyncClient
) -> None:
    """From a click to an order at another host, with an old root-domain cookie: one session, one conversion."""
    async with open_visit(browser, system, shop, private, WWW) as arrived:
        await set_cookie(arrived.context, OLD, domain=".shop.test")
        page = await arrived.click()
        clicked = httpx.URL(arrived.landed_at).params["hello_session"]
        assert await page.evaluate(SESSION) == clicked
        await page.evaluate("() => Clicktrail.track('page.viewed')")
        await page.goto(shop.at(CHECKOUT, "/pay"))
        assert await page.evaluate(SESSION) == clicked
        ordered = await page.evaluate(
            """() => Clicktrail.track('order.placed', {
                amount: '395.00', currency: 'USD', object_parameters: {reference: 'checkout-1', source: 'hosts'}
            })"""
        )
        assert ordered["succeeded"], ordered
        await arrived.actions_when("page.viewed", "order.placed")
        assert {activity["session"] for activity in await arrived.activities()} == {clicked}
        report = await eventually(arrived.report, lambda seen: seen["totals"]["conversions"] > 0)
        totals = report["totals"]
        assert (totals["clicks"], totals["sessions"], totals["conversions"]) == (1, 1, 1)
        assert totals["revenue"] == [{"amount": "395.00", "currency": "USD"}]


async def test_a_click_is_not_lost_to_a_router(visit: OpenVisit) -> None:
    """The page's router takes away what it does not know before the script has come; the snippet has kept it."""
    arrived = await visit()
    shop = arrived.shop
    late = f"<script>history.replaceState(null, '', '/p/1')</script>{shop.script('c.js', 'async')}"
    shop.pages["/p/1"] = shop.snippet + late
    page = await arrived.click()
    del shop.pages["/p/1"]
    await page.wait_for_function("() => Clicktrail.session")
    assert await page.evaluate(SESSION) == httpx.URL(arrived.landed_at).params["hello_session"]
