// Sends an order from a shop's server: once, however often it is tried. Node 18 or newer, nothing else.
const URL = process.env.CLICKTRAIL_URL; // such as https://go.example.com
const TOKEN = process.env.CLICKTRAIL_TOKEN; // a private token of the business
const TRIES = 8;
if (!URL || !TOKEN) throw new Error('CLICKTRAIL_URL and CLICKTRAIL_TOKEN have to be set.');

/** Send an event and return its receipt. Throws where the event itself is refused. */
async function send(event) {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    let pause = Math.min(60, 2 ** attempt);
    // No answer: it may have been taken, and the `id` keeps it from being counted twice.
    const answer = await fetch(`${URL}/v1/attribution/events`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(event),
      signal: AbortSignal.timeout(15_000),
    }).catch(() => null);
    const receipt = answer?.ok && (await answer.json().catch(() => null)); // it may break off
    if (receipt) return receipt;
    // 429 and 503 say when to come again, 408 is a proxy's; what else is below 500 is a fault of the event.
    if (answer && !answer.ok && answer.status < 500 && ![408, 429].includes(answer.status)) throw new Error(await answer.text());
    if (answer) pause = Number(answer.headers.get('retry-after')) || pause;
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
  throw new Error('Clicktrail did not answer; keep the event and send it later, with the same id.');
}

const receipt = await send({
  id: 'order-1001-placed', // the same id is the same event for ever
  action: 'order.placed',
  profile: 'ana',
  object_parameters: { reference: '1001', source: 'shop' },
  amount: '395.00',
  currency: 'USD',
});
console.log(receipt.status, receipt.id);
