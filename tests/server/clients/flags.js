// flags.js URL READ_KEY CUSTOMER FLAG: what an OpenFeature SDK is told of a segment.
const { OpenFeature } = require('@openfeature/server-sdk');
const { OFREPProvider } = require('@openfeature/ofrep-provider');
const [url, key, customer, flag] = process.argv.slice(2);

async function main() {
  const provider = new OFREPProvider({ baseUrl: url, headers: [['Authorization', `Bearer ${key}`]] });
  await OpenFeature.setProviderAndWait(provider);
  const client = OpenFeature.getClient();
  const got = await client.getBooleanDetails(flag, false, { targetingKey: customer });
  const none = await client.getBooleanDetails('no-such-segment', true, { targetingKey: customer });
  console.log(JSON.stringify({ value: got.value, reason: got.reason, none: none.errorCode }));
}
main().then(() => process.exit(0), e => { console.error(e); process.exit(1); });
