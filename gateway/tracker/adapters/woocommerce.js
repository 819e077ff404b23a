  // WooCommerce: into the address that its order attribution took for the visit's first, which the order has as
  // `_wc_order_attribution_session_entry`; and by the order's key, on the page that thanks for it or asks for its payment.
  const PLATFORM = 'woocommerce';
  let told, last;

  const adapt = session => {
    const key = entered.get('key');
    if (/^wc_order_/.test(key)) bind(key);

    const woo = wc_order_attribution;
    const { prefix } = woo.params;
    if (!told) {
      woo.getAttributionData();
      told = woo.getAttributionData;
      // WooCommerce asks here whenever it fills a form.
      woo.getAttributionData = () => {
        const data = told();
        attempt(() => {
          // Without the visitor's consent it keeps nothing.
          if (!woo.params.allowTracking) return;
          const address = without(data.session_entry || location.href).replace(/#.*/, '');
          data.session_entry = api.session
            ? address + (address.includes('?') ? '&' : '?') + SESSION + '=' + api.session
            : address;
        });
        return data;
      };
    }
    release();

    const data = woo.getAttributionData();
    const entry = data.session_entry || '';
    document.querySelectorAll(`[name="${prefix}session_entry"]`).forEach(field => (field.value = entry));
    const checkout = entry != last && window.wp?.data?.dispatch('wc/store/checkout');
    if (!checkout) return;
    last = entry;
    (checkout.setExtensionData || checkout.__internalSetExtensionData)('woocommerce/order-attribution', data, true);
  };
