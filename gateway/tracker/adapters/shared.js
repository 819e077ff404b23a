  // What the adapters of all platforms share. That of one follows, with `PLATFORM`, its name, and `adapt`: given the session
  // and whether it must be written in any case, it writes it where the platform's order will have it. "": takes it away.
  const BOUND = NAME + '_bound';

  // The address keeps the session until the platform has it, or for 30 s: the platform's own scripts may read it there.
  const release = () => {
    if (!holding) return;
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
  const run = given => quietly(() => api.session && adapt(api.session, given === true));

  // Tells once that a cart or an order is this session's: the order is found by it where the platform kept no session.
  const bind = token => {
    const bound = api.session + ' ' + token;
    if (!api.session || !token || read(BOUND) == bound) return;
    write(BOUND, bound);
    quietly(() => post('/public/bindings', { source: options.source || PLATFORM, token }));
  };

  listeners.add(run);
  // A click or the sending of a form may lead to the checkout: what it brings along is put into place before.
  for (const name of ['DOMContentLoaded', 'pageshow', 'click', 'submit']) addEventListener(name, run, true);

  const { optOut } = calls;
  calls.optOut = () => {
    const { session } = api;
    optOut();
    if (session) quietly(() => adapt('', true));
  };
