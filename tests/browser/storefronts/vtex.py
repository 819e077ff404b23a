"""A shop like one on VTEX: its pages know no order form, its checkout is another application."""

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.browser.storefronts.storefront import Asked, Given, Storefront, in_json

# What the checkout brings: jQuery, of which events on the window are enough here, and the client of the order form,
# which asks for it and tells its listeners of each that comes.
CHECKOUT = """<script>
window.jQuery = window.$ = target => ({
  on(name, listener) { (target.heard ||= {}); (target.heard[name] ||= []).push(listener); return this },
  trigger(name, given) { for (const listener of target.heard?.[name] || []) listener({type: name}, given) }
});
vtexjs = {checkout: {async getOrderForm() {
  const reply = await fetch('/api/checkout/pub/orderForm');
  vtexjs.checkout.orderForm = await reply.json();
  $(window).trigger('orderFormUpdated.vtex', vtexjs.checkout.orderForm);
}}};
</script>"""
BODY = """<button id="change" onclick="vtexjs.checkout.getOrderForm()">Change</button>
<button id="pay" onclick="fetch('/api/checkout/pub/orderForm/transaction', {method: 'POST'})">Pay</button>
<script>vtexjs.checkout.getOrderForm()</script>"""


@dataclass
class VtexStorefront(Storefront):
    """Keeps an order form, whose custom fields somebody has to register."""

    platform: ClassVar[str] = "vtex"

    is_registered: bool = True
    """Whether the field of the adapter is."""
    form: dict[str, Any] = field(
        default_factory=lambda: {"orderFormId": "11c257869e444e7185e61cab475f91bd", "customData": None, "items": []}
    )

    def serve(self, asked: Asked) -> Given:
        """Answer as the platform does."""
        address = f"/api/checkout/pub/orderForm/{self.form['orderFormId']}/customData/clicktrail/hello_session"
        if asked.method == "PUT" and asked.path == address:
            if not self.is_registered:
                return in_json({"error": {"code": "CHK0100"}}, status=400)
            fields = {"hello_session": json.loads(asked.body)["value"]}
            self.form["customData"] = {"customApps": [{"id": "clicktrail", "major": 1, "fields": fields}]}
        if asked.path.endswith("/transaction"):
            self.orders.append({**self.form, "orderId": f"v{next(self.numbers)}-01"})
        if asked.path.startswith("/api/"):
            return in_json(self.form)
        return self.page(CHECKOUT, BODY) if asked.path == "/checkout/" else self.page("", "<h1>Tienda</h1>")
