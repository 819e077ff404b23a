  // WooCommerce: into the address that its order attribution took for the visit's first, which the order has as
  // `_wc_order_attribution_session_entry`; and by the order's key, on the page that thanks for it or asks for its payment.
  const PLATFORM = 'woocommerce';
  let told, last, current;

  const adapt = session => {
    current = session;
    bind(/^wc_order_.+/.exec(entered.get('key'))?.[0]);

    const woo = wc_order_attribution;
    if (!told) {
      told = woo.getAttributionData;
      // WooCommerce asks here whenever it fills a form.
      woo.getAttributionData = () => {
        const data = told();
        attempt(() => {
          // Without the visitor's consent it keeps nothing.
          if (!woo.params.allowTracking) return;
          const [address] = without(data.session_entry || location.href).split('#');
          data.session_entry = address + (current && (/\?/.test(address) ? '&' : '?') + SESSION + '=' + current);
        });
        return data;
      };
    }

    const data = woo.getAttributionData();
    const entry = data.session_entry;
    release();
    document.querySelectorAll('[name$=_session_entry]').forEach(field => (field.value = entry));
    // The block, where there is one; each telling draws it anew.
    if (entry == last) return;
    const checkout = wp.data.dispatch('wc/store/checkout');
    (checkout.setExtensionData || checkout.__internalSetExtensionData)('woocommerce/order-attribution', data, true);
    last = entry;
  };
