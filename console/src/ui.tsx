// The parts that every page is made of.
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Loaded, Problem } from './api';
import { t } from './i18n';
import type { MessageKey } from './messages';

export function Trouble({ problem, again }: { problem: Problem; again?: () => void }): JSX.Element {
  const lost = problem.code === 'unreachable';
  return (
    <div class="trouble" role="alert">
      <p><strong>{lost ? t('app.unreachable') : problem.message}</strong></p>
      <p>{lost ? t('app.unreachableHint') : problem.hint}</p>
      {again && <button type="button" onClick={again}>{t('app.again')}</button>}
    </div>
  );
}

// What was asked for, or that it is being asked, or why it cannot be told.
export function Shown<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }): JSX.Element {
  if (of.error) return <Trouble problem={of.error} again={of.again} />;
  if (of.data === undefined) return <p class="loading" role="status">{t('app.loading')}</p>;
  return <>{children(of.data)}</>;
}

export function Page({ title, children, aside }: { title: string; children: ComponentChildren; aside?: ComponentChildren }): JSX.Element {
  return (
    <>
      <header class="head"><h1>{title}</h1>{aside}</header>
      {children}
    </>
  );
}

export function Card({ title, what, children, wide }: {
  title?: string; what?: ComponentChildren; children: ComponentChildren; wide?: boolean;
}): JSX.Element {
  return (
    <section class={wide ? 'card wide' : 'card'}>
      {title && <h2>{title}</h2>}
      {what && <p class="what">{what}</p>}
      {children}
    </section>
  );
}

export function Facts({ of }: { of: Array<[string, ComponentChildren, ComponentChildren?]> }): JSX.Element {
  return (
    <dl class="facts">
      {of.map(([name, value, more]) => (
        <div key={name}><dt>{name}</dt><dd>{value}{more && <small>{more}</small>}</dd></div>
      ))}
    </dl>
  );
}

export function Empty({ what, hint }: { what: MessageKey; hint: MessageKey }): JSX.Element {
  return <div class="empty"><p><strong>{t(what)}</strong></p><p>{t(hint)}</p></div>;
}

// A table that scrolls by itself where the window is narrow; keyboards reach it.
export function Table({ label, head, children }: {
  label: string; head: Array<[string, 'number' | 'text' | 'bar']>; children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead><tr>{head.map(([name, kind]) => <th key={name} scope="col" class={kind}>{name}</th>)}</tr></thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

// A share of the whole as a bar beside its number; the number says it all.
export function Bar({ share }: { share: number }): JSX.Element {
  return (
    <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="8" />
      <rect class="fill" width={Math.max(0, Math.min(1, share)) * 100} height="8" />
    </svg>
  );
}

// From -1 to 1, from the middle.
export function Lean({ value }: { value: number }): JSX.Element {
  const width = Math.abs(value) * 50;
  return (
    <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="8" />
      <rect class={value < 0 ? 'less' : 'fill'} x={value < 0 ? 50 - width : 50} width={width} height="8" />
      <rect class="middle" x="49.5" width="1" height="8" />
    </svg>
  );
}

export function Copy({ text }: { text: string }): JSX.Element {
  const [done, setDone] = useState(false);
  const copy = () => navigator.clipboard.writeText(text).then(() => {
    setDone(true);
    setTimeout(() => setDone(false), 2000);
  }, () => undefined);
  return <button type="button" class="small" onClick={copy}><span aria-live="polite">{done ? t('app.copied') : t('app.copy')}</span></button>;
}
