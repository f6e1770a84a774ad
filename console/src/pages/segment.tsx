// One segment: who they are, what sets them apart, where they came from, and every one of them.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { api, useAsked, type Ok, type Schema } from '../api';
import { day, money, number, percent, said, t } from '../i18n';
import type { MessageKey } from '../messages';
import { to } from '../router';
import { session } from '../session';
import { studyOf, type Difference, type Study } from '../study';
import { Bar, Card, Facts, Lean, Page, Shown, Table } from '../ui';

const MEMBERS = 25;

function inUnit(value: number, unit: string, currency: string): string {
  if (unit === 'money') return money(value, currency);
  if (unit === 'share') return percent(value, 0);
  return number(value, Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 2 : 0);
}

function Apart({ of, currency }: { of: Difference[]; currency: string }): JSX.Element {
  return (
    <Card wide title={t('segment.apart')} what={t('segment.apart.what')}>
      <Table label={t('segment.apart')} head={[[t('segment.feature'), 'text'], [t('segment.in'), 'number'],
        [t('segment.out'), 'number'], [t('segment.delta'), 'number'], ['', 'bar']]}>
        {of.map((one) => (
          <tr key={one.feature}>
            <th scope="row" class="sentence">{said(one.en, one.zh)}</th>
            <td class="number">{inUnit(one.median_in, one.unit, currency)}</td>
            <td class="number">{inUnit(one.median_out, one.unit, currency)}</td>
            <td class="number">{one.delta < 0 ? '−' : '+'}{number(Math.abs(one.delta), 2)}</td>
            <td class="bar"><Lean value={one.delta} /></td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}

function Rules({ study }: { study: Partial<Study> }): JSX.Element | null {
  if (!study.rules?.length) return null;
  return (
    <Card wide title={t('segment.rules')} what={t('segment.rules.what', {
      precision: percent(study.rules_precision ?? 0, 0), recall: percent(study.rules_recall ?? 0, 0) })}>
      <Table label={t('segment.rules')} head={[[t('segment.rule'), 'text'], [t('segment.precision'), 'number'], [t('segment.coverage'), 'number']]}>
        {study.rules.map((one) => (
          <tr key={one.en}>
            <td class="sentence">{said(one.en, one.zh)}</td>
            <td class="number">{percent(one.precision, 0)}</td>
            <td class="number">{percent(one.coverage, 0)}</td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}

function Moves({ segment, names }: { segment: Schema<'Segment'>; names: Map<string, string> }): JSX.Element {
  const flows = useAsked((signal) => api('GET /v1/segments/{name}/flows', { path: { name: segment.id }, signal }), []);
  const table = (data: Ok<'GET /v1/segments/{name}/flows'>, side: 'from' | 'to') => {
    const other = side === 'from' ? 'to' : 'from';
    const rows = data.flows.filter((flow) => flow[other] === segment.key && flow[side] !== segment.key).sort((a, b) => b.n - a.n);
    const most = Math.max(1, ...rows.map((row) => row.n));
    return (
      <Table label={t(side === 'from' ? 'segment.from' : 'segment.to')} head={[
        [t(side === 'from' ? 'segment.from' : 'segment.to'), 'text'], [t('segments.size'), 'number'], ['', 'bar']]}>
        {rows.map((row) => (
          <tr key={row[side] ?? ''}>
            <th scope="row">{row[side] ? names.get(row[side]!) : t('segment.outside')}</th>
            <td class="number">{number(row.n)}</td>
            <td class="bar"><Bar share={row.n / most} /></td>
          </tr>
        ))}
      </Table>
    );
  };
  return (
    <Card wide title={t('segment.moves')}>
      <Shown of={flows}>{(data) => (
        <>
          <p class="what">{t('segment.moves.what', { from: day(data.from ?? ''), to: day(data.to ?? '') })} {session.role() === 'read' && t('segment.moves.read')}</p>
          {data.flows.some((flow) => (flow.from === segment.key) !== (flow.to === segment.key))
            ? <div class="two">{table(data, 'from')}{table(data, 'to')}</div>
            : <p>{t('segment.moves.none')}</p>}
        </>
      )}</Shown>
    </Card>
  );
}

async function askMembers(name: string, cursor: string | undefined, signal: AbortSignal) {
  const page = await api('GET /v1/segments/{name}/members', { path: { name }, query: { limit: MEMBERS, cursor }, signal });
  const customers = await Promise.all(page.customers.map((id) => api('GET /v1/customers/{id}', { path: { id }, signal })));
  return { page, customers };
}

function Members({ segment }: { segment: Schema<'Segment'> }): JSX.Element {
  const [cursors, setCursors] = useState<Array<string | undefined>>([undefined]);
  const members = useAsked((signal) => askMembers(segment.id, cursors[cursors.length - 1], signal), [cursors.length]);
  return (
    <Card wide title={t('segment.members')}>
      <Shown of={members}>{({ page, customers }) => (
        <>
          <Table label={t('segment.members')} head={[[t('customer.find'), 'text'], [t('segment.lastSeen'), 'text'],
            [t('segment.orders'), 'number'], [t('segment.spent'), 'number'], [t('segment.churn'), 'number']]}>
            {customers.map((one) => {
              const churn = one.scores?.churn?.value;
              return (
                <tr key={one.customer} data-customer={one.customer}>
                  <th scope="row"><a href={to('customers', one.customer)}>{one.customer}</a></th>
                  <td class="when">{one.last_seen ? day(one.last_seen) : '–'}</td>
                  <td class="number">{number(one.orders ?? 0)}</td>
                  <td class="number">{money(one.spent ?? 0, one.currency ?? 'USD')}</td>
                  <td class="number">{churn == null ? '–' : percent(churn, 0)}</td>
                </tr>
              );
            })}
          </Table>
          <div class="pages">
            <button type="button" disabled={cursors.length === 1} onClick={() => setCursors(cursors.slice(0, -1))}>{t('app.previous')}</button>
            <span>{t('segment.members.page', { n: cursors.length })}</span>
            <button type="button" disabled={!page.has_more} onClick={() => setCursors([...cursors, page.cursor])}>{t('app.next')}</button>
          </div>
        </>
      )}</Shown>
    </Card>
  );
}

function Whole({ segment, names }: { segment: Schema<'Segment'>; names: Map<string, string> }): JSX.Element {
  const study = studyOf(segment);
  const currency = segment.currency ?? 'USD';
  if (segment.withheld) return <p>{t('segments.withheld')}</p>;
  const next = study?.next_90_days;
  return (
    <>
      <Card wide title={t('segment.persona')}>
        <p class="persona">{study ? said(study.persona, study.persona_zh) : t('segment.noStudy')}</p>
        <Facts of={[
          [t('segments.size'), number(segment.size ?? 0), percent(segment.share ?? 0)],
          [t('segments.money'), money(segment.spent_90d ?? 0, currency)],
          ...(study?.revenue ? [[t('segment.revenue'), money(study.revenue, currency), percent(study.revenue_share ?? 0)] as [string, string, string]] : []),
          ...(next ? [
            [t('segment.next'), money(next.spend, currency), t('segment.range', { low: money(next.spend_low, currency), high: money(next.spend_high, currency) })],
            [t('segment.return'), percent(next.return), t('segment.range', { low: percent(next.return_low), high: percent(next.return_high) })],
          ] as Array<[string, string, string]> : []),
          ...(typeof study?.stability === 'number' ? [[t('segments.stability'), number(study.stability, 2)] as [string, string]] : []),
        ]} />
      </Card>
      {study?.differences && <Apart of={study.differences} currency={currency} />}
      {study && <Rules study={study} />}
      <Moves segment={segment} names={names} />
      <Members segment={segment} />
    </>
  );
}

export function Segment({ name }: { name: string }): JSX.Element {
  const answer = useAsked(async (signal) => {
    const [segment, all] = await Promise.all([
      api('GET /v1/segments/{name}', { path: { name }, signal }), api('GET /v1/segments', { signal })]);
    const names = new Map(all.segments.filter((one) => one.kind === segment.kind).map((one) => [one.key, said(one.name, one.name_zh)]));
    return { segment, names };
  }, [name]);
  const segment = answer.data?.segment;
  return (
    <Page title={segment ? said(segment.name, segment.name_zh) : t('segments.title')}
      aside={<p class="what"><a href={to('segments')}>{t('segment.back')}</a>{segment && ` · ${t(`kind.${segment.kind}` as MessageKey)}`}</p>}>
      <Shown of={answer}>{(data) => <Whole segment={data.segment} names={data.names} />}</Shown>
    </Page>
  );
}
