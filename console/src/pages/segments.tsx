// All segments of all kinds side by side.
import type { JSX } from 'preact';
import { api, useAsked, type Ok, type Schema } from '../api';
import { day, money, number, percent, said, t } from '../i18n';
import type { MessageKey } from '../messages';
import { to } from '../router';
import { session } from '../session';
import { studyOf } from '../study';
import { Bar, Card, Empty, Page, Shown, Table } from '../ui';

type One = Schema<'Segment'>;
type More = { stability: Map<string, number>; change: Map<string, number> };

// Customers now less those 90 days before, out of everybody who moved. Small movements are withheld
// from read keys, so theirs would not add up: they see none.
async function changes(first: One, signal: AbortSignal, change: Map<string, number>): Promise<void> {
  const moved: Ok<'GET /v1/segments/{name}/flows'> =
    await api('GET /v1/segments/{name}/flows', { path: { name: first.id }, signal });
  for (const flow of moved.flows) {
    if (flow.from) change.set(`${first.kind}:${flow.from}`, (change.get(`${first.kind}:${flow.from}`) ?? 0) - flow.n);
    if (flow.to) change.set(`${first.kind}:${flow.to}`, (change.get(`${first.kind}:${flow.to}`) ?? 0) + flow.n);
  }
}

async function askMore(segments: One[], signal: AbortSignal): Promise<More> {
  const more: More = { stability: new Map(), change: new Map() };
  const firsts = segments.filter((one, nth) => segments.findIndex((other) => other.kind === one.kind) === nth);
  await Promise.all([
    ...segments.map(async (one) => {
      const study = studyOf(await api('GET /v1/segments/{name}', { path: { name: one.id }, signal }));
      if (typeof study?.stability === 'number') more.stability.set(one.id, study.stability);
    }),
    ...(session.role() === 'admin' ? firsts.map((one) => changes(one, signal, more.change)) : []),
  ]);
  return more;
}

function Change({ by }: { by: number | undefined }): JSX.Element {
  if (by === undefined) return <>–</>;
  return <>{by > 0 ? '+' : by < 0 ? '−' : ''}{number(Math.abs(by))} <span class="arrow" aria-hidden="true">{by > 0 ? '▲' : by < 0 ? '▼' : '·'}</span></>;
}

function Row({ one, currency, more }: { one: One; currency: string; more?: More }): JSX.Element {
  const name = <th scope="row"><a href={to('segments', one.id)}>{said(one.name, one.name_zh)}</a></th>;
  if (one.withheld || one.size === undefined) return <tr>{name}<td colSpan={6} class="what">{t('segments.withheld')}</td></tr>;
  const stability = more?.stability.get(one.id);
  return (
    <tr data-segment={one.id}>
      {name}
      <td class="number">{number(one.size)}</td>
      <td class="number">{percent(one.share ?? 0)}</td>
      <td class="bar"><Bar share={one.share ?? 0} /></td>
      <td class="number">{money(one.spent_90d ?? 0, currency)}</td>
      <td class="number">{more ? <Change by={more.change.get(one.id)} /> : '…'}</td>
      <td class="number">{more ? (stability === undefined ? '–' : number(stability, 2)) : '…'}</td>
    </tr>
  );
}

function Kinds({ answer }: { answer: Ok<'GET /v1/segments'> }): JSX.Element {
  const more = useAsked((signal) => askMore(answer.segments, signal), []);
  const kinds = [...new Set(answer.segments.map((one) => one.kind))];
  if (kinds.length === 0) return <Empty what="segments.none" hint="segments.noneHint" />;
  return (
    <>
      {kinds.map((kind) => (
        <Card key={kind} wide title={t(`kind.${kind}` as MessageKey)} what={t(`kind.${kind}.what` as MessageKey)}>
          <Table label={t(`kind.${kind}` as MessageKey)} head={[
            [t('segments.name'), 'text'], [t('segments.size'), 'number'], [t('segments.share'), 'number'], ['', 'bar'],
            [t('segments.money'), 'number'], [t('segments.trend'), 'number'], [t('segments.stability'), 'number']]}>
            {answer.segments.filter((one) => one.kind === kind).map((one) =>
              <Row key={one.id} one={one} currency={answer.currency ?? 'USD'} more={more.data} />)}
          </Table>
        </Card>
      ))}
      <p class="what">{t('segments.trend.what')} {session.role() === 'read' && t('segments.trend.read')}</p>
      <p class="what">{t('segments.stability.what')}</p>
    </>
  );
}

export function Segments(): JSX.Element {
  const answer = useAsked((signal) => api('GET /v1/segments', { signal }), []);
  return (
    <Page title={t('segments.title')} aside={answer.data?.as_of && <p class="what">{t('app.asOf', { day: day(answer.data.as_of) })}</p>}>
      <p class="what">{t('segments.what')}</p>
      <Shown of={answer}>{(data) => <Kinds answer={data} />}</Shown>
    </Page>
  );
}
