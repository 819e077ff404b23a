"""Whatever address a browser opens, a visitor's identity stays where it belongs."""

import secrets
from typing import Any

from tests.browser.conftest import OpenVisit
from tests.browser.visits import Visit
from tests.support.waiting import eventually

IDENTIFY = "([id, details]) => Clicktrail.identify(id, {source: 'fixation', ...details})"
ORDER = """() => Clicktrail.track('order.placed', {
    amount: '250.00', currency: 'USD', object_parameters: {reference: crypto.randomUUID(), source: 'fixation'}
})"""


async def profile(of: Visit) -> dict[str, Any]:
    """Return a recipient's profile as it is now."""
    response = await of.private.get(f"/v1/profiles/{of.profile}")
    found: dict[str, Any] = response.json()
    return found


async def holds(of: Visit, user_id: str) -> None:
    """Wait until a recipient is the holder of an id."""

    async def look() -> list[dict[str, str]]:
        found: list[dict[str, str]] = (await profile(of))["identities"]
        return found

    expected = [{"source": "fixation", "user_id": user_id}]
    assert await eventually(look, lambda identities: identities == expected) == expected


async def test_a_session_put_into_the_address_takes_nobodys_identity(visit: OpenVisit) -> None:
    """The victim has clicked her own link; she opens the shop with the attacker's session, and logs in there."""
    victim, attacker = await visit(), await visit()
    stolen = await (await attacker.click()).evaluate("() => Clicktrail.session")
    page = await victim.click()
    await page.goto(f"{victim.shop.url}/?hello_session={stolen}")
    user_id = secrets.token_hex(8)
    details = {"email": "victim@example.com", "phone": "+59899123456", "name": "Victim"}
    answer = await page.evaluate(IDENTIFY, [user_id, details])
    assert answer["data"] == {"status": "received"}
    await page.evaluate(ORDER)
    await holds(victim, user_id)
    theirs = await profile(attacker)
    assert [theirs[name] for name in ("identities", "email", "phone", "name")] == [[], None, None, None]


async def test_a_known_visitor_stays_known_behind_a_forwarded_link(visit: OpenVisit) -> None:
    """A friend who was identified after his own click opens hers: the session is hers, his name stays his."""
    recipient, friend = await visit(), await visit()
    page = await friend.click()
    user_id = secrets.token_hex(8)
    await page.evaluate(IDENTIFY, [user_id, {}])
    await holds(friend, user_id)
    await page.goto(recipient.short_url)
    await page.evaluate(IDENTIFY, [user_id, {"email": "friend@example.com"}])
    await page.evaluate(ORDER)
    await recipient.actions_when("order.placed")
    await friend.actions_when()
    await holds(friend, user_id)
    assert (await profile(recipient))["email"] is None
    report = await eventually(recipient.report, lambda seen: seen["totals"]["conversions"] > 0)
    assert report["totals"]["revenue"] == [{"amount": "250.00", "currency": "USD"}]


async def test_who_logged_in_before_the_click_is_recognised_after_it(visit: OpenVisit) -> None:
    """Older visits appear with the recipient, although nobody logs in again."""
    arrived = await visit()
    page = await arrived.context.new_page()
    await page.goto(f"{arrived.shop.url}/before")
    user_id = secrets.token_hex(8)
    await page.evaluate(IDENTIFY, [user_id, {}])
    await page.evaluate("() => Clicktrail.track('cart.viewed')")
    await page.goto(arrived.short_url)
    await holds(arrived, user_id)
    await arrived.actions_when("cart.viewed")
