"""A shop like one on WooCommerce with order attribution: the classic checkout, and the block."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.browser.storefronts.storefront import Asked, Given, Storefront, in_json, leading_to

PREFIX = "wc_order_attribution_"
# What the platform's script does: in the page's footer it remembers the visit's first address for half an hour, and
# fills what it finds of a checkout. `ALLOWED` is the shop's, or the visitor's consent.
FOOTER = """<script>
var wc_order_attribution = {
  params: {prefix: 'wc_order_attribution_', allowTracking: ALLOWED}, fields: {type: '', session_entry: ''}
};
(woo => {
  const told = () => /(?:^|; )sbjs_current_add=([^;]*)/.exec(document.cookie)?.[1];
  if (woo.params.allowTracking && !told())
    document.cookie = `sbjs_current_add=${encodeURIComponent(location.href)};path=/`;
  woo.getAttributionData = () => ({
    type: told() ? 'utm' : null, session_entry: told() ? decodeURIComponent(told()) : null
  });
  const fill = () => {
    const data = woo.getAttributionData();
    for (const name in data)
      for (const field of document.querySelectorAll(`[name=${woo.params.prefix}${name}]`))
        field.value = data[name] ?? '';
    if (window.wp)
      wp.data.dispatch('wc/store/checkout').__internalSetExtensionData('woocommerce/order-attribution', data, true);
  };
  fill();
  addEventListener('consent', () => { woo.params.allowTracking = true; fill() });
})(wc_order_attribution);
</script>"""
CLASSIC = """<form class="checkout" method="post" action="/pay">
<input type="hidden" name="wc_order_attribution_type"><input type="hidden" name="wc_order_attribution_session_entry">
<button id="place_order">Place order</button></form>"""
BLOCK = """<script>
var extensions = {}, dispatched = 0;
const checkout = {__internalSetExtensionData(space, data, replace) {
  dispatched++;
  extensions[space] = replace ? data : {...extensions[space], ...data};
}};
var wp = {data: {dispatch: name => name == 'wc/store/checkout' ? checkout : undefined}};
</script><button id="place_order" onclick="fetch('/wp-json/wc/store/v1/checkout', {
  method: 'POST', body: JSON.stringify({extensions})
}).then(reply => reply.json()).then(order => { location = order.payment_result.redirect_url })">Place order</button>"""
CHECKOUTS = {"/checkout/": CLASSIC, "/checkout-block/": BLOCK}


@dataclass
class WooStorefront(Storefront):
    """Keeps of an order what its order attribution sends, and nothing else that a form has."""

    platform: ClassVar[str] = "woocommerce"

    has_attribution: bool = True
    """Whether order attribution is switched on."""
    is_allowed: bool = True
    """Whether it may track, before the visitor consents."""

    def serve(self, asked: Asked) -> Given:
        """Answer as the platform does."""
        if asked.path == "/pay":
            sent = {name.removeprefix(PREFIX): value for name, value in asked.form.items() if name.startswith(PREFIX)}
            return leading_to(self._order(sent))
        if asked.path == "/wp-json/wc/store/v1/checkout":
            address = self._order(json.loads(asked.body)["extensions"].get("woocommerce/order-attribution", {}))
            return in_json({"payment_result": {"redirect_url": address}})
        footer = FOOTER.replace("ALLOWED", str(self.is_allowed).lower()) if self.has_attribution else ""
        return self.page("", CHECKOUTS.get(asked.path, "<h1>Shop</h1>") + footer)

    def _order(self, attribution: dict[str, Any]) -> str:
        """Keep an order, and return the address of the page that thanks for it."""
        number = next(self.numbers)
        kept = {name: value for name, value in attribution.items() if value} if self.has_attribution else {}
        order = {
            "id": number,
            "order_key": f"wc_order_invented{number}",
            "meta_data": [{"key": f"_{PREFIX}{name}", "value": value} for name, value in kept.items()],
        }
        self.orders.append(order)
        return f"/checkout/order-received/{number}/?key={order['order_key']}"
