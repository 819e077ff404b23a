  // Shopify: into the cart's attributes, which the order has as `note_attributes`.
  const PLATFORM = 'shopify';
  const KEPT = NAME + '_cart';
  let tried;

  const adapt = async (session, isForced) => {
    const [cart] = cookies('cart');
    const place = session + ' ' + cart;
    // Writing makes a cart where there is none: only for visitors that a link has brought, who may buy without one.
    const isNeeded = cart || (session && (isForced || (read(TAKEN) || '').includes(session)));
    if (!isNeeded || (!isForced && (place == tried || place == read(KEPT)))) return tried != place && release();
    const address = (Shopify.routes?.root || '/') + 'cart/update.js';
    tried = place;
    const reply = await fetch(address, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ attributes: { [SESSION]: session } }),
      keepalive: true
    });
    const { token } = await reply.json();
    if (!reply.ok || !session) return;
    write(KEPT, session + ' ' + cookies('cart')[0]);
    release();
    // What follows the token is the key to the cart, and stays here.
    bind(token.split('?')[0]);
  };

  // Calls of the theme may have made a cart, or another one; where its cookie cannot be read, they may always.
  attempt(() =>
    new PerformanceObserver(list => {
      if (list.getEntries().some(({ name }) => /\/cart\/(add|change|clear)/.test(name))) run(!cookies('cart')[0]);
    }).observe({ type: 'resource' })
  );
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
