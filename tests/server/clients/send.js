// send.js CLIENT URL WRITE_KEY PREFIX N: N orders through a client as shops use it.
const [client, url, writeKey, prefix, count] = process.argv.slice(2);
const n = Number(count);
const order = i => ({
  userId: `${prefix}-user`,
  event: 'Order Completed',
  timestamp: new Date('2024-03-05T10:00:00Z'),
  properties: {
    order_id: `${prefix}-${i}`,
    revenue: 12.85,
    currency: 'EUR',
    products: [{ product_id: 'A7', price: 12.85, quantity: 1 }],
  },
});

async function main() {
  if (client === 'analytics-node') {
    const Analytics = require('analytics-node');
    const a = new Analytics(writeKey, { host: url, flushAt: 15 });
    a.identify({ userId: `${prefix}-user`, traits: { plan: 'gold' } });
    for (let i = 0; i < n; i++) a.track(order(i));
    await a.flush();
    await new Promise(done => setTimeout(done, 300));
    await a.flush();
    return;
  }
  const { Analytics } = require(client);
  const a = new Analytics({ writeKey, host: url, maxRetries: 10, flushInterval: 200 });
  a.on('error', e => console.error(String(e.code), e.reason));
  a.identify({ userId: `${prefix}-user`, traits: { plan: 'gold' } });
  for (let i = 0; i < n; i++) a.track(order(i));
  await a.closeAndFlush();
}
main().then(() => process.exit(0), e => { console.error(e); process.exit(1); });
