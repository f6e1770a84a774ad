// Model cards: every measure with its interval, beside the baseline.
import type { JSX } from 'preact';
import { api, useAsked } from '../api';
import { day, number, said, settings, t } from '../i18n';
import { messages, type MessageKey } from '../messages';
import type { Model } from '../tasks';
import { Card, Empty, Page, Shown, Table } from '../ui';

type Measure = NonNullable<Model['metrics']>[string];
const LESS_IS_BETTER = new Set(['log_loss', 'brier', 'ece', 'mae', 'rmse', 'smape', 'wape']);

const nameOf = (metric: string): string => (`metric.${metric}` in messages ? t(`metric.${metric}` as MessageKey) : metric);

function verdictOn(metric: string, of: Measure): MessageKey | undefined {
  if (of.low == null || of.high == null || of.baseline == null) return undefined;
  const cost = (x: number) => (metric === 'total' ? Math.abs(x - 1) : LESS_IS_BETTER.has(metric) ? x : -x);
  const ends = [cost(of.low), cost(of.high)];
  if (Math.max(...ends) < cost(of.baseline)) return 'predictions.better';
  return Math.min(...ends) > cost(of.baseline) ? 'predictions.worse' : 'predictions.same';
}

// The interval as a line, the value as a dot, the baseline as a tick.
function Whisker({ of }: { of: Measure }): JSX.Element | null {
  if (of.value == null) return null;
  const marks = [of.value, of.low ?? of.value, of.high ?? of.value, of.baseline ?? of.value];
  const most = Math.max(...marks, 0.001) > 1 ? Math.max(...marks) * 1.1 : 1;
  const least = Math.min(0, ...marks);
  const x = (value: number) => ((value - least) / (most - least)) * 116 + 2;
  return (
    <svg class="whisker" viewBox="0 0 120 16" aria-hidden="true">
      <line class="track" x1="2" x2="118" y1="8" y2="8" />
      {of.low != null && of.high != null && <line class="range" x1={x(of.low)} x2={x(of.high)} y1="8" y2="8" />}
      {of.baseline != null && <line class="base" x1={x(of.baseline)} x2={x(of.baseline)} y1="2" y2="14" />}
      <circle class="dot" cx={x(of.value)} cy="8" r="3.500" />
    </svg>
  );
}

function ModelCard({ model }: { model: Model }): JSX.Element {
  const trusted = model.verdict === 'trust';
  const level = trusted && model.why !== undefined && model.why !== '';
  return (
    <Card wide title={said(model.question, model.question_zh) || model.name}>
      <p class="verdict">
        <span class={trusted ? 'badge good' : 'badge warn'}>{trusted ? `✓ ${t('predictions.trust')}` : `! ${t('predictions.distrust')}`}</span>
        {level && <span class="badge warn">{`! ${t('predictions.level')}`}</span>}
        <span class="what">{model.name} · {t('predictions.fitted', { day: model.fitted_as_of ? day(model.fitted_as_of) : '–', run: String(model.run ?? '–') })}</span>
      </p>
      {model.why && settings.language() === 'en' && <p class="what">{model.why}</p>}
      <Table label={model.name} head={[[t('predictions.metric'), 'text'], [t('predictions.value'), 'number'],
        [t('predictions.interval'), 'number'], [t('predictions.baseline'), 'number'], ['', 'bar'], [t('predictions.compare'), 'text']]}>
        {Object.entries(model.metrics ?? {}).map(([metric, of]) => {
          const verdict = verdictOn(metric, of);
          const digits = Math.abs(of.value ?? 0) >= 100 ? 0 : 3;
          return (
            <tr key={metric} data-metric={`${model.name}.${metric}`}>
              <th scope="row">{nameOf(metric)}</th>
              <td class="number">{of.value == null ? '–' : number(of.value, digits)}</td>
              <td class="number">{of.low == null || of.high == null ? '–' : t('segment.range', { low: number(of.low, digits), high: number(of.high, digits) })}</td>
              <td class="number">{of.baseline == null ? '–' : number(of.baseline, digits)}</td>
              <td class="bar"><Whisker of={of} /></td>
              <td>{verdict ? t(verdict) : '–'}</td>
            </tr>
          );
        })}
      </Table>
    </Card>
  );
}

export function Predictions(): JSX.Element {
  const models = useAsked((signal) => api('GET /v1/models', { signal }), []);
  return (
    <Page title={t('predictions.title')}>
      <p class="what">{t('predictions.what')}</p>
      <Shown of={models}>{(data) => data.models.length === 0
        ? <Empty what="predictions.none" hint="predictions.noneHint" />
        : <>{data.models.map((one) => <ModelCard key={one.name} model={one} />)}</>}</Shown>
    </Page>
  );
}
