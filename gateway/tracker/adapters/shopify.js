  // Shopify: into the cart's attributes, which the order has as `note_attributes`.
  const PLATFORM = 'shopify';
  let tried;

  // Where the platform's globals are missing, or have not come yet, it fails before anything else.
  const adapt = async (session, isForced, root = Shopify.routes.root) => {
    const cart = cookies('cart');
    const place = session + ' ' + cart;
    const isKept = read(TOLD) == place;
    if (!isForced && (isKept || tried == 1 || tried == place)) return isKept && release();
    // Where there is no cart yet, writing would make one beside the one that the theme may be about to make. Should its
    // cookie be hidden, addresses tell of it: `/cart`, `/cart/add`, `/cart/change`.
    if (cart[0] || performance.getEntries().some(entry => /\/cart(\/[ac]|\?|$)/.test(entry.name))) {
      tried = 1;
      const reply = await fetch(root + 'cart/update.js', {
        method: 'POST',
        body: new URLSearchParams(`attributes[${SESSION}]=${session}`),
        keepalive: true
        // Once for each cart: what failed is tried again on the next page.
      }).finally(() => (tried = session + ' ' + cookies('cart')));
      // What follows the token is the key to the cart, and stays here. Where it failed, there is none.
      if (session) bind((await reply.json()).token.split('?')[0], tried);
      release();
    }
  };

  // Calls of the theme may have made a cart.
  attempt(() => new PerformanceObserver(run).observe({ type: 'resource' }));
  // These replace all attributes.
  addEventListener(
    'shopify:cart:attributes-update',
    event =>
      quietly(async () => {
        await event.promise;
        if (!JSON.stringify(event.attributes).includes(api.session)) run(1);
      }),
    1
  );
