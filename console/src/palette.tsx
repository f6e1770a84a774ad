// Ctrl-K: any page, segment or customer by typing.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { api, useAsked } from './api';
import { said, t } from './i18n';
import type { MessageKey } from './messages';
import { go } from './router';
import { session } from './session';

type Goal = { label: string; more?: string; where: string[] };

export function Palette({ close, sections }: {
  close: () => void; sections: Array<{ name: string; label: MessageKey; admin?: true }>;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState('');
  const [chosen, setChosen] = useState(0);
  const segments = useAsked((signal) => api('GET /v1/segments', { signal }), []);
  useEffect(() => dialog.current?.showModal(), []);

  const goals: Goal[] = [
    ...sections.filter((one) => !one.admin || session.role() === 'admin')
      .map((one) => ({ label: t(one.label), where: [one.name] })),
    ...(segments.data?.segments ?? []).map((one) => ({
      label: said(one.name, one.name_zh), more: t(`kind.${one.kind}` as MessageKey), where: ['segments', one.id] })),
  ].filter((goal) => goal.label.toLowerCase().includes(typed.trim().toLowerCase()));
  if (typed.trim() !== '') goals.push({ label: t('palette.customer', { id: typed.trim() }), where: ['customers', typed.trim()] });
  const at = Math.min(chosen, goals.length - 1);

  const leave = (goal: Goal | undefined) => {
    if (goal) go(...goal.where);
    close();
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setChosen(Math.min(at + 1, goals.length - 1));
    else if (event.key === 'ArrowUp') setChosen(Math.max(at - 1, 0));
    else if (event.key === 'Enter') leave(goals[at]);
    else return;
    event.preventDefault();
  };
  useEffect(() => dialog.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }), [at]);
  return (
    <dialog ref={dialog} class="palette" aria-label={t('palette.title')} onClose={close}
      onClick={(event) => { if (event.target === dialog.current) close(); }}>
      <input type="text" role="combobox" aria-expanded="true" aria-controls="goals" aria-activedescendant={`goal-${at}`}
        aria-label={t('palette.title')} placeholder={t('palette.title')} value={typed} autocomplete="off" spellcheck={false}
        onInput={(event) => { setTyped(event.currentTarget.value); setChosen(0); }} onKeyDown={key} />
      <ul id="goals" role="listbox" aria-label={t('palette.title')}>
        {goals.map((goal, nth) => (
          <li key={goal.where.join('/')} id={`goal-${nth}`} role="option" aria-selected={nth === at} onClick={() => leave(goal)}>
            {goal.label}{goal.more && <small>{goal.more}</small>}
          </li>
        ))}
      </ul>
      {goals.length === 0 && <p>{t('palette.none')}</p>}
    </dialog>
  );
}
