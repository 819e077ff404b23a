  // VTEX: into the custom data of the order form, which the order has as `customData`; and by the order form's id, which the
  // order has too, also where nobody has registered the field.
  const PLATFORM = 'vtex';
  let heard, tried;

  const adapt = async session => {
    // The platform takes nothing but campaigns out of an address.
    release();
    heard ||= jQuery(window).on('orderFormUpdated.vtex', run);
    const { orderFormId, customData } = vtexjs.checkout.orderForm;
    const place = session + ' ' + orderFormId;
    // An order form stays for months, and the first session that is told of it: it has to be one that a link has brought.
    if (recall()[1]) bind(orderFormId);
    const kept = customData?.customApps?.find(({ id }) => id == NAME)?.fields?.[SESSION] || '';
    if (kept == session || tried == place) return;
    tried = place;
    // Not by the page's own client: it breaks off another's call of the same kind.
    await fetch(`/api/checkout/pub/orderForm/${orderFormId}/customData/${NAME}/${SESSION}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ value: session }),
      keepalive: true
    });
  };
