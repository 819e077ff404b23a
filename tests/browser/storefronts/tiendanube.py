"""A shop like one on Tiendanube: the cart is a form, which its drawer may write again."""

from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlencode

from tests.browser.storefronts.storefront import Asked, Given, Storefront, leading_to

THEME = "<script>LS = {store: {id: 1}, cart: {id: 7, items: []}, product: {id: 1}}</script>"
FORM = """<form action="/comprar/" method="post" class="js-ajax-cart-panel">
<input name="quantity[1]" value="1"><input type="submit" name="go_to_checkout" value="Iniciar compra"></form>"""
# The drawer comes with the first product.
BODY = f"""<h1>Tienda</h1><div id="cart"></div><template id="drawer">{FORM}</template>
<button id="add" onclick="cart.innerHTML = drawer.innerHTML">Agregar</button>"""


@dataclass
class TiendanubeStorefront(Storefront):
    """Keeps what a cart's form has as `extra[…]`, and where visitors landed."""

    platform: ClassVar[str] = "tiendanube"

    landings: dict[str, str] = field(default_factory=dict)
    """Where visitors landed, by their cookie."""

    def serve(self, asked: Asked) -> Given:
        """Answer as the platform does."""
        visitor = asked.cookies.get("visitor") or f"v{next(self.numbers)}"
        self.landings.setdefault(visitor, asked.target)
        if asked.path == "/comprar/":
            return leading_to(self._order(asked, visitor))
        body = FORM if asked.path == "/carrito/" else "Gracias" if "/success/" in asked.path else BODY
        return self.page(THEME, body)._replace(headers=(f"Set-Cookie: visitor={visitor}; Path=/",))

    def _order(self, asked: Asked, visitor: str) -> str:
        number = next(self.numbers)
        extra = {name[6:-1]: value for name, value in asked.form.items() if name.startswith("extra[")}
        token = f"token{number}"
        landed = self.landings[visitor]
        self.orders.append({"id": number, "number": 100, "token": token, "extra": extra, "landing_url": landed})
        return f"/checkout/v3/success/{number}/{token}?{urlencode({'from_store': 1})}"
