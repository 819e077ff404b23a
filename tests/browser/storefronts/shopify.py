"""A shop like one on Shopify: a cart by its Ajax API, and a checkout that no script of a theme runs in."""

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import unquote

from tests.browser.storefronts.storefront import Asked, Given, Storefront, in_json, leading_to

# The platform puts it into the head of every page, below what the theme has there.
THEME = "<script>Shopify = {shop: 'mate.myshopify.com', routes: {root: '/'}, theme: {id: 1}}</script>"
BODY = """<form action="/cart/add" method="post"><input name="id" value="1"><button id="add">Add</button></form>
<button id="drawer" onclick="fetch('/cart/add.js', {method: 'POST', body: 'id=1'})">Add</button>
<a id="checkout" href="/checkout">Pay</a>"""


@dataclass
class ShopifyStorefront(Storefront):
    """Keeps a cart by its cookie, and of each visitor where they landed."""

    platform: ClassVar[str] = "shopify"

    carts: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_hidden: bool = False
    """Whether scripts cannot read the cart's cookie."""
    landings: dict[str, str] = field(default_factory=dict)
    """Where visitors landed, by their cookie."""

    def serve(self, asked: Asked) -> Given:
        """Answer as the platform does."""
        if asked.path.startswith("/cart/"):
            return self._change(asked)
        if asked.path == "/checkout":
            return self._buy(asked)
        visitor = asked.cookies.get("_shopify_y") or f"y{next(self.numbers)}"
        self.landings.setdefault(visitor, asked.target)
        page = self.page(THEME, BODY)
        return page._replace(headers=(f"Set-Cookie: _shopify_y={visitor}; Path=/",))

    def cart_of(self, asked: Asked) -> dict[str, Any]:
        """Return the cart of a cookie; a new one where it has none."""
        token = unquote(asked.cookies.get("cart", ""))
        if token not in self.carts:
            token = f"hWN{next(self.numbers)}invented?key=secret{next(self.numbers)}"
            self.carts[token] = {"token": token, "attributes": {}, "items": []}
        return self.carts[token]

    def _change(self, asked: Asked) -> Given:
        cart = self.cart_of(asked)
        if asked.path == "/cart/update.js":
            changed = {**cart["attributes"], **_attributes_in(asked)}
            cart["attributes"] = {name: value for name, value in changed.items() if value}
        elif asked.path.startswith("/cart/add"):
            cart["items"].append({"id": 1, "quantity": 1})
        kept = f"Set-Cookie: cart={cart['token'].replace('?', '%3F').replace('=', '%3D')}; Path=/"
        kept += "; HttpOnly" if self.is_hidden else ""
        return in_json(cart, kept) if asked.path.endswith(".js") else leading_to("/cart", kept)

    def _buy(self, asked: Asked) -> Given:
        cart = self.cart_of(asked)
        number = next(self.numbers)
        order = {
            "id": 820000000000000000 + number,
            "name": f"#{number}",
            "cart_token": cart["token"].partition("?")[0],
            "checkout_token": f"checkout{number}",
            "landing_site": self.landings.get(asked.cookies.get("_shopify_y", "")),
            "note_attributes": [{"name": name, "value": value} for name, value in cart["attributes"].items()],
        }
        self.orders.append(order)
        return Given("Thank you", headers=("Set-Cookie: cart=; Path=/; Max-Age=0",))


def _attributes_in(asked: Asked) -> dict[str, str]:
    """Return what an update says of attributes, as JSON or as a form."""
    if asked.body.startswith("{"):
        return dict(json.loads(asked.body)["attributes"])
    return {name[11:-1]: value for name, value in asked.form.items() if name.startswith("attributes[")}
