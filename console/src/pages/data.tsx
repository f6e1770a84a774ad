// What came in and what did not, and how a shop sends its events.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { api, Problem, useAsked } from '../api';
import { number, t } from '../i18n';
import { messages, type MessageKey } from '../messages';
import { session } from '../session';
import { Card, Copy, Facts, Page, Shown, Table, Trouble } from '../ui';

const snippets: Array<{ name: MessageKey; text: (key: string) => string }> = [
  { name: 'data.shell', text: (key) =>
    `curl -u ${key}: ${location.origin}/v1/track \\\n  -H 'Content-Type: application/json' \\\n  -d '{"userId":"42","event":"Product Viewed","properties":{"product_id":"P1"}}'` },
  { name: 'data.browser', text: (key) =>
    `import { AnalyticsBrowser } from '@segment/analytics-next';\n\nconst analytics = AnalyticsBrowser.load(\n  { writeKey: '${key}', cdnURL: '${location.origin}' },\n  { integrations: { 'Segment.io': { apiHost: '${location.host}/v1', protocol: '${location.protocol.slice(0, -1)}' } } });\nanalytics.track('Product Viewed', { product_id: 'P1' });` },
  { name: 'data.node', text: (key) =>
    `import { Analytics } from '@segment/analytics-node';\n\nconst analytics = new Analytics({ writeKey: '${key}', host: '${location.origin}' });\nanalytics.track({ userId: '42', event: 'Order Completed',\n  properties: { order_id: 'A1', currency: 'CNY', products: [{ product_id: 'P1', price: 19.9, quantity: 1 }] } });` },
];

function Connect(): JSX.Element {
  const [key, setKey] = useState('');
  const [trouble, setTrouble] = useState<Problem>();
  const make = () => api('POST /v1/keys', { body: { role: 'write' } })
    .then((made) => setKey(made.key ?? ''), (cause: Problem) => setTrouble(cause));
  return (
    <Card wide title={t('data.connect')} what={t('data.connect.what')}>
      <form class="row" onSubmit={(event) => event.preventDefault()}>
        <label for="write">{t('data.writeKey')}</label>
        <input id="write" type="text" spellcheck={false} autocomplete="off" placeholder="clade_write_…" value={key} onInput={(event) => setKey(event.currentTarget.value.trim())} />
        {session.role() === 'admin' && <button type="button" onClick={make}>{t('data.makeKey')}</button>}
      </form>
      {trouble && <Trouble problem={trouble} />}
      {snippets.map(({ name, text }) => (
        <div class="snippet" key={name}>
          <div class="row"><h3>{t(name)}</h3><Copy text={text(key || 'WRITE_KEY')} /></div>
          <pre tabIndex={0}>{text(key || 'WRITE_KEY')}</pre>
        </div>
      ))}
    </Card>
  );
}

function Counts({ title, of, first, label }: { title: string; of: Record<string, number>; first: string; label: (name: string) => string }): JSX.Element {
  return (
    <Card title={title}>
      <Table label={title} head={[[first, 'text'], [t('data.count'), 'number']]}>
        {Object.entries(of).map(([name, n]) => <tr key={name}><td class="sentence">{label(name)}</td><td class="number">{number(n)}</td></tr>)}
      </Table>
    </Card>
  );
}

export function Data(): JSX.Element {
  const quality = useAsked((signal) => api('GET /v1/quality', { signal }), []);
  const flagName = (name: string) => (`data.flag.${name}` in messages ? t(`data.flag.${name}` as MessageKey) : name);
  return (
    <Page title={t('data.title')}>
      <Shown of={quality}>{(data) => (
        <>
          <Card wide title={t('data.rows')} what={t('data.sum')}>
            <Facts of={[
              [t('data.events'), number(data.events)], [t('data.read'), number(data.rows_read ?? 0)],
              [t('data.stored'), number(data.rows_stored ?? 0)], [t('data.duplicate'), number(data.rows_duplicate ?? 0)],
              [t('data.quarantined'), number(data.rows_quarantined ?? 0)]]} />
          </Card>
          <div class="two">
            {Object.keys(data.quarantine ?? {}).length === 0
              ? <Card title={t('data.quarantine')}><p>{t('data.quarantine.none')}</p></Card>
              : <Counts title={t('data.quarantine')} of={data.quarantine!} first={t('data.reason')} label={(name) => name} />}
            {Object.keys(data.flags ?? {}).length > 0 &&
              <Counts title={t('data.flags')} of={data.flags!} first={t('data.flag')} label={flagName} />}
          </div>
        </>
      )}</Shown>
      <Connect />
    </Page>
  );
}
