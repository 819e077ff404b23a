"""Views of pages that are tracked by themselves."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, Request

from tests.browser.hosts import NEW, Visitor, sent_by
from tests.support.waiting import eventually

WWW = "www.shop.test"
PAGE = "/spa"


class Viewed:
    """The addresses that a page has told as viewed, without the shop's own."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self.addresses: list[str] = []
        self.titles: list[str] = []
        self._told: set[str] = set()
        visitor.context.on("request", self._note)

    async def becomes(self, *expected: str) -> None:
        """Wait until these were viewed, and nothing else."""
        shop = self._visitor.shop.at(WWW)

        async def look() -> list[str]:
            return [address.removeprefix(shop) for address in self.addresses]

        assert await eventually(look, lambda seen: len(seen) >= len(expected)) == list(expected)

    def _note(self, request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/track/events"):
            event = sent_by(request)
            # A page that is left before the answer sends its event again, which is the same by its id.
            if event["id"] not in self._told:
                self._told.add(event["id"])
                self.addresses.append(event["page"]["url"])
                self.titles.append(event["page"]["title"])


@pytest_asyncio.fixture
async def viewed(visitor: Visitor) -> AsyncIterator[Viewed]:
    """Return what is noted of the views of a shop that asks for them."""
    visitor.shop.pages[PAGE] = visitor.shop.page_with("{autoPageviews: true}")
    yield Viewed(visitor)
    del visitor.shop.pages[PAGE]


async def done(page: Page) -> None:
    """Let what is put off until the page's next turn happen."""
    await page.evaluate("() => new Promise(done => setTimeout(done, 50))")


async def test_a_router_makes_views(visitor: Visitor, viewed: Viewed) -> None:
    """The first page, each other address, back and forward; with the title that the router set after it."""
    page = await visitor.open(WWW, f"{PAGE}?a=1&hello_session={NEW}")
    await viewed.becomes("/spa?a=1")
    await page.evaluate("() => { history.pushState({}, '', '/spa/shoes'); document.title = 'Shoes' }")
    await viewed.becomes("/spa?a=1", "/spa/shoes")
    assert viewed.titles[-1] == "Shoes"
    await page.evaluate("() => history.back()")
    await viewed.becomes("/spa?a=1", "/spa/shoes", "/spa?a=1")
    await page.evaluate("() => history.forward()")
    await viewed.becomes("/spa?a=1", "/spa/shoes", "/spa?a=1", "/spa/shoes")


async def test_what_is_no_new_page_makes_no_view(visitor: Visitor, viewed: Viewed) -> None:
    """The same address again, a place on the page, a state that is replaced, and the script's own change."""
    page = await visitor.open(WWW, f"{PAGE}?hello_session={NEW}")
    await page.wait_for_url(visitor.shop.at(WWW, PAGE))
    for change in (
        "history.pushState({}, '', location.href)",
        "location.hash = 'size'",
        "history.pushState({}, '', '#top')",
        "history.replaceState({}, '', '?tab=2'); history.replaceState({}, '', '/spa')",
        "Clicktrail.initialize(id, {autoPageviews: true})",
    ):
        await page.evaluate(f"id => {{ {change} }}", visitor.shop.business)
        await done(page)
    await page.evaluate("() => { history.pushState({}, '', '/last') }")
    await viewed.becomes("/spa", "/last")


@pytest.mark.parametrize("route", ["#/cart", "#!/cart"])
async def test_a_router_by_fragments_makes_views(visitor: Visitor, viewed: Viewed, route: str) -> None:
    """Where the fragment is a path."""
    page = await visitor.open(WWW, PAGE)
    await viewed.becomes("/spa")
    await page.evaluate("route => { location.hash = route }", route)
    await viewed.becomes("/spa", f"/spa{route}")


async def test_a_page_from_memory_is_viewed_again(visitor: Visitor, viewed: Viewed) -> None:
    """Who goes back to a page sees it once more, however the browser brings it."""
    page = await visitor.open(WWW, PAGE)
    await viewed.becomes("/spa")
    await page.goto(visitor.shop.at(WWW, "/other"))
    await page.go_back()
    await viewed.becomes("/spa", "/spa")


async def test_the_routers_own_call_is_as_it_was(visitor: Visitor, viewed: Viewed) -> None:
    """Its arguments, its state and its errors."""
    page = await visitor.open(WWW, PAGE)
    await viewed.becomes("/spa")
    assert await page.evaluate("() => history.pushState({n: 1}, '')") is None
    assert await page.evaluate("() => history.state") == {"n": 1}
    thrown = await page.evaluate(
        "() => { try { history.pushState({}, '', 'https://other.test/') } catch (error) { return error.name } }"
    )
    assert thrown == "SecurityError"


async def test_views_are_no_default(visitor: Visitor, viewed: Viewed) -> None:
    """A page that does not ask for them tracks what it says itself."""
    page = await visitor.open(WWW, "/plain")
    await page.evaluate("() => history.pushState({}, '', '/plain/2')")
    await done(page)
    await page.evaluate("() => Clicktrail.track('page.viewed', {url: 'https://by.hand/'})")
    assert viewed.addresses == ["https://by.hand/"]
