// Tracks what visitors do on a shop's pages, and loses none of it.
//
// Every call goes into local storage first and is forgotten only once the API has said, readably, what became of it.
// Until then it is sent again: after a pause, when the network is back, on the next page. Its id makes all copies one.
//
// What is served is `tracker.min.js`, of less than 5 KB: `make script` writes it, and one with the adapter of each platform,
// which is put in where it says so below.
(() => {
  const stub = window.Clicktrail;
  if (stub && !stub.q) return;
  // Named here, they are short in what is served.
  const { document, history, location, setTimeout } = window;

  const NAME = 'clicktrail',
    USER = NAME + '_user',
    TAKEN = NAME + '_taken',
    DENIED = 'denied',
    // The cookie that older libraries and servers of shops read.
    SESSION = 'hello_session';
  // What carries a session in an address, those that we set first.
  const PARAMETERS = [SESSION, 'hellotext_session', 'hellotext_session_id'];
  // Where a platform gives each shop a name below, and browsers do not know it as a public suffix.
  const SHARED = /^(myvtex|mitiendanube|vtexcommercestable|lojavirtualnuvem)\.com/;
  // What scripts make of nothing: all visitors would be one person.
  const NOBODY = /^\s*(|0|undefined|null|nan|-?infinity|\[object.*)\s*$/i;

  // In a bundle, inline and as a module a script does not know where it came from.
  const home = document.currentScript?.src?.match(/(.+\/v1)\/(c|tracker)\.js([?#]|$)/)?.[1];
  // The snippet keeps the query that the page was entered by: a router may have changed it since.
  const entered = new URLSearchParams(stub?.at || location.search);
  const utm = {},
    listeners = new Set(),
    warned = {},
    memory = {},
    held = {};
  let options = {},
    business,
    root,
    prefix,
    domain,
    viewed,
    round,
    timer,
    // Set by an adapter alone: while it is, the address keeps its session.
    holding,
    stamp = 0,
    pause = 1e3;

  for (const [name, value] of entered) if (/^utm_/.test(name)) utm[name.slice(4)] = value;
  // Not what an address says of it.
  utm.observed_at = new Date();

  const attempt = call => {
    try {
      return call();
    } catch {}
  };
  const log = (...words) => options.debug && console.log(NAME, ...words);
  const warn = words => (warned[words] ||= !console.warn(NAME, words));

  // Where storage is off or full, this page's memory has to do.
  const store = attempt(() => localStorage) || {};
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
  const stored = start => Object.keys({ ...store, ...memory }).filter(key => key.startsWith(start)).sort();

  // Not a UUID, which pages without TLS cannot make: as many random bits, in digits.
  const random = () => crypto.getRandomValues(new Uint32Array(4)).join('-');
  // Without one, an id reads as "undefined" here, as in a text that some other script has made.
  const isSession = id => /^(?!undefined)[\w-]{8,64}$/.test(id);

  // A browser refuses cookies for a public suffix: the shortest domain that it takes one for is the shop's.
  const domains = location.hostname.split('.').map((_, index, labels) => labels.slice(~index).join('.'));
  const cookies = name =>
    [...(attempt(() => document.cookie) || '').matchAll(`(?:^|; )${name}=([^;]*)`)].map(([, value]) => value);
  const setCookie = (name, value, domain, path = '/') =>
    attempt(
      () =>
        (document.cookie = `${name}=${value};domain=${domain};path=${path};max-age=${value && 31536e4};samesite=lax${
          /* `https:` */ location.protocol[4] == 's' ? ';secure' : ''
        }`)
    );
  const isOurs = domain => {
    const probe = random();
    if (SHARED.test(domain)) return;
    setCookie(probe, 1, domain);
    const [taken] = cookies(probe);
    setCookie(probe, 0, domain);
    return taken;
  };
  const keepEverywhere = (name, value) => {
    write(name, value);
    domain ??= options.cookieDomain ?? domains.find(isOurs) ?? '';
    // One of the same name in any other scope would be read in its stead.
    if ((cookies(name).join() || value) != value)
      for (const other of ['', ...domains])
        for (const path of ['/', '']) setCookie(name, 0, other, path);
    if (value) setCookie(name, value, domain);
  };

  // The session, the first one that an address brought, and what was consented to.
  // What was kept is the same on all hosts of a shop, and comes before all that older libraries left.
  const recall = () => {
    const kept = cookies(NAME)[0] || read(NAME);
    if (kept) return kept.split('.');
    const old = [read(SESSION), ...cookies(SESSION)].filter(isSession).pop() || '';
    return [old, old, ''];
  };
  const keep = (...state) => {
    keepEverywhere(NAME, state.join('.'));
    keepEverywhere(SESSION, state[0]);
  };
  const known = () => attempt(() => JSON.parse(read(USER))) || {};
  const isOn = () =>
    business &&
    (recall()[2] || options.consent || (options.respectGPC && navigator.globalPrivacyControl && DENIED)) != DENIED;

  const begin = () => {
    let [session, first, consent] = recall();
    const old = session;
    const taken = read(TAKEN) || '';
    const arrived = [options.session, ...PARAMETERS.map(name => entered.get(name))].find(isSession);
    // An address brings its session once: one that is opened again, or gone back to, is no click.
    if (arrived && !taken.includes(arrived)) {
      session = arrived;
      // An address may be anybody's: who is identified is told with the session that an address brought first.
      first ||= arrived;
      write(TAKEN, (arrived + ' ' + taken).slice(0, 999));
    }
    if (options.autoGenerateSession != false) session ||= random();
    if (!session) return;
    keep(session, first, consent);
    listeners.forEach(listener => setTimeout(listener, 0, session));
    // Who was known in the session before is asked for in this one.
    const { user, of } = known();
    if (user && of == old && of != session) identify(user.id, user);
    lookSoon();
    return session;
  };

  // An address with a session would give it away with each copy. In JSON a backslash may end one, before a quotation mark.
  const without = text =>
    text.replace(
      /([?&])(hello(text)?_session(_id)?=[^&#"\\]*(&|(?=[#"\\]|$)))+/g,
      (all, sign) => (/&$/.test(all) ? sign : '')
    );

  // Each call has a key of its own, so that two tabs never write over each other. Keys sort by time.
  const result = (succeeded, data) => ({ succeeded, failed: !succeeded, data });
  const post = async (path, body) => {
    if (!business) throw 'initialize first';
    if (!isOn()) throw 'no consent';
    const session = recall()[0] || begin();
    if (!session) throw 'no session';
    // Bodies are kept as text: what is sent again is the same to the byte.
    const text = without(JSON.stringify({ session, ...body }));
    // At most 200 wait: before one more, the oldest is given up.
    erase(stored(prefix).reverse()[199]);
    stamp = Math.max(Date.now(), stamp + 1);
    const key = prefix + stamp + random();
    write(key, path + '\n' + text);
    log(path, text);
    return (await flush())[key] || { data: { status: 'waiting' } };
  };
  const opened = key => read(key).split('\n');
  // Sends what waits, in order. Returns what became of it, by key.
  const send = async () => {
    await 0;
    const told = {};
    let wait;
    for (let key, last = ''; (key = stored(prefix).find(other => other > last)); last = key) {
      let status, asked, kind;
      try {
        const [path, body] = opened(key);
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
        const fault = data.errors?.[0];
        log(status, path, data);
        if (fault) warn(`${path} ${status} ${fault.description}`);
        // Final is what the API has kept, and what it says of this event itself; all else may be about the way to it.
        if (reply.ok ? data.status : fault?.type && (/40[09]|413|422/.test(status) || (status == 404 && fault.parameter))) {
          const { user_id: id, source, session: of } = JSON.parse(body);
          // From here on events say who it is; a name that the API has refused is nobody in this session.
          if (id && of == recall()[0]) write(USER, JSON.stringify(reply.ok ? { of, user: { id, source } } : {}));
          erase(key);
          told[key] = result(reply.ok, data);
          pause = 1e3;
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
      if (!/40[45]|500/.test(status)) break;
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
  const leave = () => {
    viewed = '';
    stored(prefix).forEach(key => {
      const [path, body] = opened(key);
      const address = root + path + '?business=' + business;
      if (!attempt(() => navigator.sendBeacon(address, body)))
        fetch(address, { method: 'POST', body, keepalive: true }).catch(() => {});
    });
  };

  const identify = (id, details) => {
    if (!/^(st|n|bi)/.test(typeof id) || NOBODY.test(id)) throw 'not an id';
    return post('/public/identifications', { earlier_session: recall()[1], ...details, user_id: `${id}` });
  };

  // Takes the session out of the address, which other scripts may read until the page has loaded. By option, tracks views
  // of pages, also where a router changes the address alone.
  const look = () => {
    const { href } = location;
    const address = without(href);
    const here = address.replace(/#(?![!/]).*/, '');
    if (!isOn()) return;
    if (document.readyState == 'complete' && !options.keepAddress && !holding && address != href)
      attempt(() => history.replaceState(history.state, '', address));
    if (!options.autoPageviews || here == viewed) return;
    viewed = here;
    api.track('page.viewed');
  };
  const lookSoon = () => setTimeout(look);
  const watch = () => {
    const { pushState } = history;
    history.pushState = (...given) => {
      pushState.apply(history, given);
      lookSoon();
    };
    const heard = {
      online: resume,
      pagehide: leave,
      visibilitychange: leave,
      popstate: lookSoon,
      load: lookSoon,
      pageshow: lookSoon
    };
    for (const name in heard) addEventListener(name, heard[name]);
  };
  const start = () => {
    if (!isOn()) return;
    begin();
    flush();
  };

  // What addresses have brought stays known, so that they do not bring it again.
  const calls = {
    initialize(id, given) {
      const address = given?.apiRoot || home;
      if (!id) throw 'no business';
      if (!address) throw 'no apiRoot';
      if (!business) watch();
      options = given || {};
      business = id;
      prefix = NAME + `:${id}:`;
      root = address.replace(/(\/+v1)?\/*$/, '/v1');
      start();
    },
    track(action, params) {
      const { url = location.href, headers, ...rest } = params || {};
      const { user, of } = known();
      return post('/track/events', {
        id: random(),
        tracked_at: new Date(),
        user_parameters: of == recall()[0] ? user : {},
        page: { url, title: document.title, path: location.pathname },
        utm_params: utm,
        ...rest,
        action
      });
    },
    identify,
    forget() {
      erase(USER);
      keep('', '', recall()[2]);
    },
    optOut() {
      stored(NAME).forEach(erase);
      keep('', '', DENIED);
    },
    optIn() {
      keep(...recall().slice(0, 2), 'granted');
      start();
    }
  };
  const api = {
    get session() {
      return isOn() ? recall()[0] : '';
    },
    get isInitialized() {
      return !!business;
    },
    on(event, listener) {
      if (event != 'session-set') return;
      listeners.add(listener);
      const { session } = api;
      if (session) setTimeout(listener, 0, session);
    },
    removeEventListener: (event, listener) => listeners.delete(listener)
  };
  // ADAPTER

  // Nothing here ever throws into the page.
  for (const name in calls) {
    api[name] = async (...given) => {
      try {
        return await calls[name](...given);
      } catch (error) {
        const fault = `${name}: ${error}`;
        warn(fault);
        return result(false, fault);
      }
    };
  }
  window.Clicktrail = api;
  window.Hellotext ||= api;

  // What the page has called before this was there, and what it calls by the snippet's object.
  if (stub) {
    const answer = async ([name, given, done]) => done(await api[name](...given));
    stub.q.forEach(answer);
    stub.q = { push: answer };
  }
})();
