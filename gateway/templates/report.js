// Keeps a report page up to date: whenever the report has changed, the page is read again and what differs is replaced.
(function () {
  'use strict';
  const PAUSE = 1000; // Between two readings, in milliseconds.
  const POLL = 15000; // Where there is no stream.
  const SAY = 10000; // Between two announcements to screen readers.
  const main = document.getElementById('main');
  const state = document.getElementById('state');
  const news = document.getElementById('news');
  let isReading = false;
  let isStale = false;
  let isFirst = true;
  let saidAt = 0;

  // Returns the open details of a part, by id, so that they stay open.
  function openedIn(part) {
    return Array.from(part.querySelectorAll('details[open][id]'), (one) => one.id);
  }

  function replace(part, fresh) {
    if (part.innerHTML === fresh.innerHTML || part.contains(document.activeElement)) return;
    const opened = openedIn(part);
    part.replaceChildren(...fresh.childNodes);
    opened.forEach((id) => {
      const one = document.getElementById(id);
      if (one) one.open = true;
    });
  }

  function announce() {
    if (Date.now() - saidAt < SAY) return;
    saidAt = Date.now();
    const told = Array.from(document.querySelectorAll('#figures .card'), (one) => {
      const values = Array.from(one.querySelectorAll('.value'), (value) => value.textContent);
      return one.querySelector('dt').textContent + ': ' + values.join(', ');
    });
    news.textContent = told.join('. ');
  }

  async function read() {
    isStale = true;
    if (isReading || document.hidden) return;
    isReading = true;
    try {
      while (isStale && !document.hidden) {
        isStale = false;
        const response = await fetch(location.href, { cache: 'no-store' });
        if (!response.ok) throw new Error(String(response.status));
        const page = new DOMParser().parseFromString(await response.text(), 'text/html');
        const before = document.getElementById('figures').textContent;
        document.querySelectorAll('[data-live]').forEach((part) => {
          const fresh = page.getElementById(part.id);
          if (fresh) replace(part, fresh);
        });
        if (document.getElementById('figures').textContent !== before) announce();
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    } catch (error) {
      // The next change, or the next poll, tries again.
    } finally {
      isReading = false;
    }
  }

  function listen() {
    const stream = new EventSource(main.dataset.stream);
    stream.addEventListener('open', () => { state.hidden = false; });
    stream.addEventListener('report', () => {
      // The first one is what the page has just been made from.
      if (isFirst) isFirst = false;
      else read();
    });
    stream.addEventListener('error', () => {
      state.hidden = true;
      if (stream.readyState !== EventSource.CLOSED) {
        // It comes back by itself; what was missed meanwhile is then read.
        isFirst = false;
        return;
      }
      stream.close();
      setTimeout(() => { read(); listen(); }, POLL);
    });
    window.addEventListener('pagehide', () => stream.close(), { once: true });
  }

  document.addEventListener('visibilitychange', () => { if (isStale) read(); });
  window.addEventListener('pageshow', (event) => { if (event.persisted) { read(); listen(); } });
  listen();
}());
