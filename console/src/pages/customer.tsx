// One customer: what they did, where they belong, what they will do and why, what to show them.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { api, Problem, useAsked, type Ok } from '../api';
import { Lines } from '../chart';
import { day, money, number, percent, said, settings, t, time } from '../i18n';
import { messages, type MessageKey } from '../messages';
import { go, to } from '../router';
import { session } from '../session';
import { isMoney, modelsByName, type Model } from '../tasks';
import { Card, Copy, Facts, Page, Shown, Table, Trouble } from '../ui';

const RECENT = 500;
const FIRST = 20;
type Profile = Ok<'GET /v1/customers/{id}'>;
type Event = Ok<'GET /v1/customers/{id}/events'>['events'][number];

function Search({ id }: { id?: string }): JSX.Element {
  const [typed, setTyped] = useState(id ?? '');
  return (
    <form class="row" role="search" onSubmit={(event) => { event.preventDefault(); if (typed.trim()) go('customers', typed.trim()); }}>
      <label for="customer">{t('customer.find')}</label>
      <input id="customer" type="search" value={typed} spellcheck={false} autocomplete="off" onInput={(event) => setTyped(event.currentTarget.value)} />
      <button type="submit" class="primary">{t('customer.open')}</button>
    </form>
  );
}

function Scores({ profile }: { profile: Profile }): JSX.Element {
  const asked = useAsked(async (signal) => {
    const [why, models] = await Promise.all([
      api('GET /v1/customers/{id}/explanation', { path: { id: profile.customer }, signal }), modelsByName(signal)]);
    return { why, models };
  }, []);
  const currency = profile.currency ?? 'USD';
  const written = (task: string, value: number | null | undefined) =>
    value == null ? '–' : isMoney(task) ? money(value, currency) : percent(value);
  const interval = (task: string, low?: number | null, high?: number | null) =>
    low == null || high == null ? '–' : t('segment.range', { low: written(task, low), high: written(task, high) });
  const row = (task: string, models: Map<string, Model>, why: Ok<'GET /v1/customers/{id}/explanation'>) => {
    const score = profile.scores?.[task];
    const reasons = why.scores[task];
    const question = said(models.get(task)?.question, models.get(task)?.question_zh) || task;
    const list = settings.language() === 'zh' ? reasons?.reasons_zh : reasons?.reasons;
    return (
      <tr key={task} data-score={task}>
        <th scope="row" class="question">{question}</th>
        <td class="number big">{written(task, score?.value)}</td>
        <td class="number">{interval(task, score?.low, score?.high)}</td>
        <td class="number">{written(task, reasons?.average)}</td>
        <td class="sentence">{list?.length
          ? <details><summary>{list[0]}</summary><ol start={2}>{list.slice(1).map((one) => <li key={one}>{one}</li>)}</ol></details> : '–'}</td>
      </tr>
    );
  };
  return (
    <Card wide title={t('customer.scores')}>
      <Shown of={asked}>{({ why, models }) => {
        const tasks = Object.keys(profile.scores ?? {});
        if (tasks.length === 0) return <p>{t('customer.scores.none')}</p>;
        return (
          <Table label={t('customer.scores')} head={[[t('customer.score'), 'text'], [t('customer.value'), 'number'],
            [t('customer.interval'), 'number'], [t('customer.average'), 'number'], [t('customer.why'), 'text']]}>
            {tasks.map((task) => row(task, models, why))}
          </Table>
        );
      }}</Shown>
    </Card>
  );
}

function Recommended({ id }: { id: string }): JSX.Element {
  const asked = useAsked((signal) => api('GET /v1/customers/{id}/recommendations', { path: { id }, query: { n: 8 }, signal }), []);
  return (
    <Card wide title={t('customer.recommend')}>
      <Shown of={asked}>{(data) => (
        <>
          <p class="what">{data.recommended_by === 'popular' ? t('customer.recommend.by.popular')
            : t('customer.recommend.by.model', { model: data.recommended_by })}</p>
          <Table label={t('customer.recommend')} head={[[t('customer.item'), 'text'], [t('customer.reason'), 'text']]}>
            {data.items.map((one) => (
              <tr key={one.item}><th scope="row">{one.name ?? one.item}<small>{one.item}</small></th>
                <td class="sentence">{said(one.reason, one.reason_zh)}</td></tr>
            ))}
          </Table>
        </>
      )}</Shown>
    </Card>
  );
}

const kindOf = (kind: string): string => (`event.${kind}` in messages ? t(`event.${kind}` as MessageKey) : kind);

function byMonth(events: Event[]): Array<[string, number]> {
  const counts = new Map<string, number>();
  for (const one of events) counts.set(one.at.slice(0, 7), (counts.get(one.at.slice(0, 7)) ?? 0) + 1);
  const months = [...counts.keys()].sort();
  const all: Array<[string, number]> = [];
  if (months.length === 0) return all;
  for (let [year, month] = months[0]!.split('-').map(Number) as [number, number]; ; month === 12 ? (year++, month = 1) : month++) {
    const name = `${year}-${String(month).padStart(2, '0')}`;
    all.push([name, counts.get(name) ?? 0]);
    if (name >= months[months.length - 1]!) return all;
  }
}

function Activity({ events }: { events: Event[] }): JSX.Element | null {
  const months = byMonth(events);
  if (months.length < 2) return null;
  return (
    <figure>
      <figcaption>{t('customer.activity')}</figcaption>
      <Lines label={t('customer.activity')} name={t('customer.events')}
        at={months.map(([name]) => Date.parse(`${name}-01T00:00:00Z`) / 1000)} values={months.map(([, n]) => n)} />
      <details><summary>{t('app.showTable')}</summary>
        <Table label={t('customer.activity')} head={[[t('customer.month'), 'text'], [t('customer.events'), 'number']]}>
          {months.map(([name, n]) => <tr key={name}><th scope="row">{name}</th><td class="number">{number(n)}</td></tr>)}
        </Table>
      </details>
    </figure>
  );
}

function Timeline({ profile }: { profile: Profile }): JSX.Element {
  const [shown, setShown] = useState(FIRST);
  const asked = useAsked((signal) =>
    api('GET /v1/customers/{id}/events', { path: { id: profile.customer }, query: { limit: RECENT }, signal }), []);
  return (
    <Card wide title={t('customer.timeline')}>
      <Shown of={asked}>{(data) => data.events.length === 0 ? <p>{t('customer.noEvents')}</p> : (
        <>
          {data.has_more && <p class="what">{t('customer.activity.cut', { n: data.events.length })}</p>}
          <Activity events={data.events} />
          <Table label={t('customer.timeline')} head={[[t('customer.when'), 'text'], [t('customer.did'), 'text'],
            [t('customer.item'), 'text'], [t('customer.amount'), 'number']]}>
            {data.events.slice(0, shown).map((one) => (
              <tr key={one.event}>
                <td class="when">{time(one.at)}</td>
                <td>{kindOf(one.kind)}</td>
                <td class="thing">{one.name ?? one.item ?? one.query ?? ''}{(one.quantity ?? 1) > 1 && ` × ${number(one.quantity ?? 1)}`}</td>
                <td class="number">{one.amount === undefined ? '' : money(one.amount, profile.currency ?? 'USD', false)}</td>
              </tr>
            ))}
          </Table>
          {shown < data.events.length && <button type="button" onClick={() => setShown(shown + 50)}>{t('customer.more')}</button>}
        </>
      )}</Shown>
    </Card>
  );
}

function Forget({ id, done }: { id: string; done: (receipt: object) => void }): JSX.Element {
  const [typed, setTyped] = useState('');
  const [trouble, setTrouble] = useState<Problem>();
  const forget = async (event: Event_) => {
    event.preventDefault();
    if (typed !== id) return;
    try {
      done(await api('DELETE /v1/customers/{id}', { path: { id } }));
    } catch (cause) {
      setTrouble(cause as Problem);
    }
  };
  return (
    <Card wide title={t('customer.forget')} what={t('customer.forget.what')}>
      <form class="row" onSubmit={forget}>
        <label for="sure">{t('customer.forget.type', { id })}</label>
        <input id="sure" type="text" autocomplete="off" spellcheck={false} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        <button type="submit" class="danger" disabled={typed !== id}>{t('customer.forget.go')}</button>
      </form>
      {trouble && <Trouble problem={trouble} />}
    </Card>
  );
}
type Event_ = JSX.TargetedEvent<HTMLFormElement>;

function Whole({ profile, forgotten }: { profile: Profile; forgotten: (receipt: object) => void }): JSX.Element {
  const currency = profile.currency ?? 'USD';
  return (
    <>
      <Card wide>
        <Facts of={[
          [t('customer.first'), profile.first_seen ? day(profile.first_seen) : '–'],
          [t('customer.last'), profile.last_seen ? day(profile.last_seen) : '–',
            profile.live?.events ? t('customer.live', { n: profile.live.events }) : undefined],
          [t('customer.events'), number(profile.events ?? 0)],
          [t('customer.orders'), number(profile.orders ?? 0)],
          [t('customer.spent'), money(profile.spent ?? 0, currency, false)],
        ]} />
        <h2>{t('customer.segments')}</h2>
        <ul class="tags">
          {(profile.segments ?? []).map((one) => (
            <li key={one.kind}><a href={to('segments', `${one.kind}:${one.key}`)}>
              <small>{t(`kind.${one.kind}`)}</small>{said(one.name, one.name_zh)}</a></li>
          ))}
        </ul>
      </Card>
      <Scores profile={profile} />
      <Recommended id={profile.customer} />
      <Timeline profile={profile} />
      {session.role() === 'admin' && <Forget id={profile.customer} done={forgotten} />}
    </>
  );
}

function Receipt({ receipt }: { receipt: object }): JSX.Element {
  const text = JSON.stringify(receipt, null, 2);
  return <Card wide title={t('customer.forgotten')}><pre tabIndex={0}>{text}</pre><Copy text={text} /></Card>;
}

function One({ id }: { id: string }): JSX.Element {
  const [receipt, setReceipt] = useState<object>();
  const asked = useAsked((signal) => api('GET /v1/customers/{id}', { path: { id }, signal }), []);
  if (receipt) return <Receipt receipt={receipt} />;
  if (asked.error?.status === 404)
    return <div class="empty" role="alert"><p><strong>{t('customer.unknown', { id })}</strong></p><p>{t('customer.unknownHint')}</p></div>;
  return <Shown of={asked}>{(profile) => <Whole profile={profile} forgotten={setReceipt} />}</Shown>;
}

export function Customers({ id }: { id?: string }): JSX.Element {
  return (
    <Page title={id ?? t('customer.title')}>
      <Search id={id} />
      {id ? <One id={id} /> : (
        <div class="empty"><p>{t('customer.what')}</p><p><a href={to('segments')}>{t('customer.start')}</a></p></div>
      )}
    </Page>
  );
}
