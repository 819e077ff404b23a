  // Shopify: into the cart's attributes, which the order has as `note_attributes`.
  const PLATFORM = 'shopify';
  let tried;

  const adapt = async (session, isForced) => {
    const [cart] = cookies('cart');
    const place = session + ' ' + cart;
    if (place == tried && !isForced) return;
    // Writing makes a cart where there is none: for visitors alone whom a link has brought.
    const isBrought = session && (read(TAKEN) || '').includes(session);
    if ((place == read(BOUND) && !isForced) || !(cart || isBrought)) return release();
    tried = place;
    const reply = await fetch(Shopify.routes.root + 'cart/update.js', {
      method: 'POST',
      body: new URLSearchParams({ [`attributes[${SESSION}]`]: session }),
      keepalive: true
    });
    tried = session + ' ' + cookies('cart')[0];
    // What follows the token is the key to the cart, and stays here. Where it failed, there is none.
    const [token] = (await reply.json()).token.split('?');
    if (session) bind(token, tried);
    release();
  };

  // Calls of the theme may have made a cart.
  attempt(() => new PerformanceObserver(run).observe({ type: 'resource' }));
  // These replace all attributes.
  addEventListener(
    'shopify:cart:attributes-update',
    event =>
      quietly(async () => {
        await event.promise;
        if (!JSON.stringify(event.attributes).includes(api.session)) run(true);
      }),
    true
  );
