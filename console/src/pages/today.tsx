// The brief: what moved, what matters, whom to write to; and the state of data and models.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { api, useAsked, type Ok, type Schema } from '../api';
import { day, money, number, percent, said, t } from '../i18n';
import { to } from '../router';
import { session } from '../session';
import { studyOf } from '../study';
import { Card, Empty, Facts, Page, Shown } from '../ui';

const FEW = 0.3;
type Segments = Ok<'GET /v1/segments'>;
type Flows = Ok<'GET /v1/segments/{name}/flows'>;
type Moved = { segment: Schema<'Segment'>; n: number; before: number; now: number };
type Sentence = { text: string; where: string; link: string };

// The segments of a kind are ordered from best to worst but for prospects, who never bought. The
// largest arrival from above, or from below. Small movements are withheld from read keys, so what is
// counted for them is the least that it can be.
function largest(flows: Flows, ladder: Schema<'Segment'>[], down: boolean): Moved | undefined {
  const rank = new Map(ladder.map((one, nth) => [one.key, nth]));
  const moved = ladder.map((segment) => {
    const came = flows.flows.filter((flow) => {
      const from = flow.from ? rank.get(flow.from) : undefined;
      const at = flow.to === segment.key ? rank.get(segment.key) : undefined;
      return from !== undefined && at !== undefined && (down ? from < at : from > at);
    });
    const sum = (of: (flow: Flows['flows'][number]) => number) => came.reduce((total, flow) => total + of(flow), 0);
    return { segment, n: sum((f) => f.n), before: sum((f) => Number(f.spent_before ?? 0)), now: sum((f) => Number(f.spent_now ?? 0)) };
  });
  return moved.filter((one) => one.n > 0).sort((a, b) => Math.abs(b.now - b.before) - Math.abs(a.now - a.before))[0];
}

function movedSentences(flows: Flows, ladder: Schema<'Segment'>[], currency: string): Sentence[] {
  return [true, false].flatMap((down) => {
    const one = largest(flows, ladder, down);
    if (!one) return [];
    const name = said(one.segment.name, one.segment.name_zh);
    return [{
      text: t(down ? 'today.down' : 'today.up', { n: one.n, least: session.role() === 'read' ? t('today.least') : '', segment: name, from: day(flows.from ?? ''),
        before: money(one.before, currency), now: money(one.now, currency) }),
      where: to('segments', one.segment.id), link: t('today.members') }];
  });
}

async function askBrief(signal: AbortSignal): Promise<{ sentences: Sentence[]; asOf?: string | null; none: boolean }> {
  const answer: Segments = await api('GET /v1/segments', { signal });
  const ladder = answer.segments.filter((one) => one.kind === 'outlook' && one.key !== 'prospects');
  const first = ladder[0];
  if (!first) return { sentences: [], asOf: answer.as_of, none: true };
  const currency = answer.currency ?? 'USD';
  const [flows, studied] = await Promise.all([
    api('GET /v1/segments/{name}/flows', { path: { name: first.id }, signal }),
    Promise.all(ladder.map((one) => api('GET /v1/segments/{name}', { path: { name: one.id }, signal })))]);
  const sentences: Sentence[] = [];
  // Worth writing to: most money so far among those of whom few come back by themselves.
  const write = studied.map((one) => ({ one, study: studyOf(one) }))
    .filter(({ study }) => study?.next_90_days && study.next_90_days.return < FEW)
    .sort((a, b) => Number(b.study?.revenue ?? 0) - Number(a.study?.revenue ?? 0))[0];
  if (write) {
    const next = write.study!.next_90_days!;
    sentences.push({
      text: t('today.write', { segment: said(write.one.name, write.one.name_zh), n: write.one.size ?? 0, revenue: money(write.study!.revenue ?? 0, currency),
        back: percent(next.return, 0), low: percent(next.return_low, 0), high: percent(next.return_high, 0) }),
      where: to('segments', write.one.id), link: t('today.members') });
  }
  sentences.push(...movedSentences(flows, ladder, currency));
  const spent = answer.segments.filter((one) => one.kind === 'outlook').reduce((sum, one) => sum + Number(one.spent_90d ?? 0), 0);
  const top = [...ladder].sort((a, b) => Number(b.spent_90d ?? 0) - Number(a.spent_90d ?? 0))[0]!;
  if (spent > 0) sentences.push({
    text: t('today.top', { segment: said(top.name, top.name_zh), share: percent(top.share ?? 0, 0),
      money: percent(Number(top.spent_90d ?? 0) / spent, 0) }),
    where: to('segments', top.id), link: t('today.members') });
  return { sentences, asOf: answer.as_of, none: false };
}

// Events that the server has taken, from its counters; undefined where it counts none.
function eventsTaken(text: string): number | undefined {
  const lines = text.split('\n').filter((line) => line.startsWith('clade_ingest_items_total{') && line.includes('"accepted"'));
  return lines.length === 0 ? undefined : lines.reduce((sum, line) => sum + Number(line.split(' ').pop()), 0);
}

function Live(): JSX.Element {
  const [taken, setTaken] = useState<number>();
  useEffect(() => {
    const stop = new AbortController();
    const look = () => document.hidden || api('GET /metrics', { signal: stop.signal })
      .then((text) => setTaken(eventsTaken(text)), () => undefined);
    look();
    const timer = setInterval(look, 2000);
    return () => { clearInterval(timer); stop.abort(); };
  }, []);
  return (
    <Card title={t('today.live')}>
      {taken === undefined
        ? <p>{t('today.live.none')} <a href={to('data')}>{t('today.live.how')}</a></p>
        : <p><span class="count" aria-live="polite">{number(taken)}</span> {t('today.live.events', { n: taken })}</p>}
    </Card>
  );
}

export function Today(): JSX.Element {
  const brief = useAsked(askBrief, []);
  const quality = useAsked((signal) => api('GET /v1/quality', { signal }), []);
  const models = useAsked((signal) => api('GET /v1/models', { signal }), []);
  return (
    <Page title={t('today.title')} aside={brief.data?.asOf && <p class="what">{t('app.asOf', { day: day(brief.data.asOf) })}</p>}>
      <Card wide title={t('today.brief')}>
        <Shown of={brief}>{(data) => data.none ? <Empty what="segments.none" hint="segments.noneHint" /> : (
          <ul class="brief">
            {data.sentences.map((one) => <li key={one.text}><p>{one.text}</p><a href={one.where}>{one.link}</a></li>)}
          </ul>
        )}</Shown>
      </Card>
      <div class="three">
        <Live />
        <Card title={t('today.data')}>
          <Shown of={quality}>{(data) => (
            <>
              <Facts of={[[t('data.events'), number(data.events)], [t('data.quarantined'), number(data.rows_quarantined ?? 0)]]} />
              <p><a href={to('data')}>{t('nav.data')}</a></p>
            </>
          )}</Shown>
        </Card>
        <Card title={t('today.models')}>
          <Shown of={models}>{(data) => data.models.length === 0 ? <p>{t('today.noModels')}</p> : (
            <>
              <p>{t('today.trusted', { n: data.models.filter((one) => one.verdict === 'trust').length, all: data.models.length })}</p>
              <p><a href={to('predictions')}>{t('nav.predictions')}</a></p>
            </>
          )}</Shown>
        </Card>
      </div>
    </Page>
  );
}
