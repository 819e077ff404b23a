// Tracks what visitors do on a shop's pages, and loses none of it.
//
// Every call goes into local storage first and is forgotten only once the API has said, readably, what became of it.
// Until then it is sent again: after a pause, when the network is back, on the next page. Its id makes all copies one.
//
// It is served without comments and without spaces around punctuation, in less than 5 KB: see script.py.
(() => {
  if (window.Clicktrail) return;

  const USER = 'clicktrail_user',
    LEFT = 'clicktrail_left',
    FIRST = 'clicktrail_first';

  const script = document.currentScript?.src.replace(/\/tracker\.js.*/, '');
  const utm = { observed_at: new Date() },
    listeners = new Set(),
    memory = {},
    held = {};
  let business,
    root,
    prefix,
    session,
    round,
    timer,
    store = {},
    stamp = 0,
    pause = 1e3;

  // Where storage is off or full, this page's memory has to do.
  try {
    store = localStorage || store;
  } catch {}
  const read = key => memory[key] || store[key];
  const write = (key, value) => {
    try {
      store[key] = value;
      delete memory[key];
    } catch {
      memory[key] = value;
    }
  };
  const erase = key => delete memory[key] && delete store[key];

  // Not a UUID, which pages without TLS cannot make: as many random bits, in digits.
  const random = () => crypto.getRandomValues(new Uint32Array(4)).join('-');

  // Addresses and cookies of older libraries are understood: visitors stay who they are.
  const sessionIn = text => text.match(/\bhello(text)?_session(_id)?=([\w-]{8,64})(?![\w-])/)?.[3];
  const setSession = id => {
    session = id;
    write('hello_session', id);
    document.cookie = `hello_session=${id};path=/;max-age=${id ? 31536e4 : 0};samesite=lax`;
  };
  const known = () => JSON.parse(read(USER) || '{}');
  const begin = () => {
    const old = sessionIn(document.cookie) || read('hello_session');
    let id = sessionIn(location.search);
    // An address still open after forget() does not bring its session back.
    if (!id || id == read(LEFT)) id = old || random();
    // An address may be anybody's: who is identified from here on is told with the session that this browser had first.
    if (old && old != id) write(FIRST, read(FIRST) || old);
    setSession(id);
    listeners.forEach(listener => setTimeout(listener, 0, id));
    // Who was known in an earlier session is asked for in this one.
    const { user, of } = known();
    if (user && of != id) identify(user.id, user);
  };

  // Each call has a key of its own, so that two tabs never write over each other. Keys sort by time.
  const waiting = () => Object.keys({ ...store, ...memory }).filter(key => key.startsWith(prefix)).sort();
  const post = async (path, body) => {
    if (!business) throw 'initialize first';
    if (!session) begin();
    // At most 200 wait: before one more, the oldest is given up.
    erase(waiting().reverse()[199]);
    stamp = Math.max(Date.now(), stamp + 1);
    const key = prefix + stamp + random();
    // Bodies are kept as text: what is sent again is the same to the byte.
    write(key, path + '\n' + JSON.stringify({ session, ...body }));
    return (await flush())[key] || { data: { status: 'waiting' } };
  };

  const settle = (body, succeeded, data) => {
    const { user_id: id, source, session: of } = JSON.parse(body);
    // From here on events say who it is; a name that the API has refused is nobody in this session.
    if (id && of == session) write(USER, JSON.stringify(succeeded ? { of, user: { id, source } } : {}));
    pause = 1e3;
    return { succeeded, failed: !succeeded, data };
  };
  // Sends what waits, in order. Returns what became of it, by key.
  const send = async () => {
    await 0;
    const told = {};
    let wait;
    for (let key, last = ''; (key = waiting().find(other => other > last)); last = key) {
      let status, asked, kind;
      try {
        const [path, body] = read(key).split('\n');
        kind = path + /"action":"order/.test(body);
        if (held[kind] > Date.now()) continue;
        const reply = await fetch(root + path, {
          method: 'POST',
          body,
          headers: { Authorization: 'Bearer ' + business },
          // Browsers refuse it above 64 KB.
          keepalive: body.length < 2e4,
          signal: AbortSignal.timeout?.(3e4)
        });
        status = reply.status;
        asked = reply.headers.get('Retry-After') * 1e3;
        // The page of some proxy is no answer: it is not JSON.
        const data = await reply.json();
        if (reply.ok || /4(?!08|29)../.test(status)) {
          erase(key);
          told[key] = settle(body, reply.ok, data);
          continue;
        }
      } catch {}
      if (status == 429) {
        // Too many of one kind: the others go on.
        held[kind] = Date.now() + (asked ||= 1e3);
        setTimeout(flush, asked + 1);
        continue;
      }
      wait = asked || 1e3;
      // A fault at one call must not hold up those behind it.
      if (status != 500) break;
    }
    if (wait) {
      timer = setTimeout(resume, Math.max(wait, pause * Math.random()));
      pause = Math.min(pause * 2, 3e5);
    }
    round = 0;
    return told;
  };
  const flush = () => timer || (round ||= send());
  const resume = () => {
    clearTimeout(timer);
    timer = 0;
    flush();
  };
  // Nobody reads the answer to a beacon: its call goes on waiting.
  const leave = () =>
    waiting().forEach(key => {
      const [path, body] = read(key).split('\n');
      navigator.sendBeacon(root + path + '?business=' + business, body);
    });

  const identify = (id, details) => post('/public/identifications', { earlier_session: read(FIRST), ...details, user_id: `${id}` });

  // Nothing here ever throws into the page.
  const calm = call => async (...given) => {
    try {
      return await call(...given);
    } catch (error) {
      return { failed: true, data: `${error}` };
    }
  };
  const api = (window.Clicktrail = {
    initialize: calm((id, options) => {
      business = id;
      prefix = `clicktrail:${id}:`;
      root = (options?.apiRoot || script || location.origin).replace(/(\/+v1)?\/*$/, '/v1');
      for (const [name, value] of new URLSearchParams(location.search)) {
        if (/^utm_/.test(name)) utm[name.slice(4)] = value;
      }
      begin();
      flush();
      addEventListener('online', resume);
      addEventListener('pagehide', leave);
      addEventListener('visibilitychange', leave);
    }),
    track: calm((action, params) => {
      const { url = location.href, headers, ...rest } = params || {};
      const { user, of } = known();
      return post('/track/events', {
        id: random(),
        tracked_at: new Date(),
        user_parameters: of == session ? user : {},
        page: { url, title: document.title, path: location.pathname },
        utm_params: utm,
        ...rest,
        action
      });
    }),
    identify: calm(identify),
    forget: calm(() => {
      write(LEFT, session);
      erase(USER);
      erase(FIRST);
      setSession('');
    }),
    get session() {
      return session;
    },
    on(event, listener) {
      if (event != 'session-set') return;
      listeners.add(listener);
      if (session) setTimeout(listener, 0, session);
    },
    removeEventListener: (event, listener) => listeners.delete(listener)
  });
  window.Hellotext ||= api;
})();
