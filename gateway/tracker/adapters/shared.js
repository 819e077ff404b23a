  // What the adapters of all platforms share. That of one follows, with `PLATFORM`, its name, and `adapt`: given the session,
  // and whether to write it in any case, it writes it where the platform's order will have it. "" takes it away.
  const TOLD = NAME + '_told';

  // The address keeps the session until the platform has it, or for 30 s: the platform's own scripts may read it there.
  const release = () => {
    holding = 0;
    look();
  };
  holding = setTimeout(release, 3e4);

  // Whatever fails, the page does not notice; the next occasion tries again.
  const quietly = async work => {
    try {
      await work();
    } catch {}
  };
  const run = given => quietly(() => api.session && adapt(api.session, given == 1));

  // Says once that a cart or an order is this session's: it is found by that where the platform has kept no session.
  const bind = (token, place = api.session + ' ' + token) => {
    if (!token || read(TOLD) == place) return;
    write(TOLD, place);
    quietly(() => post('/public/bindings', { source: options.source || PLATFORM, token }));
  };

  listeners.add(run);
  // A click may lead to the checkout: what that brings along is put into place before. Browsers send forms by clicks, too.
  for (const name of ['pageshow', 'click']) addEventListener(name, run, 1);

  const { optOut } = calls;
  calls.optOut = () => {
    quietly(() => api.session && adapt('', true));
    optOut();
  };
