import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { api, Problem } from '../api';
import { t } from '../i18n';
import { roleOf, session } from '../session';

export function SignIn({ done }: { done: () => void }): JSX.Element {
  const [key, setKey] = useState('');
  const [trouble, setTrouble] = useState('');
  const enter = async (event: Event) => {
    event.preventDefault();
    const token = key.trim();
    const role = roleOf(token);
    if (role === 'write') return setTrouble(t('signIn.write'));
    if (role === undefined) return setTrouble(t('signIn.shape'));
    try {
      await api('GET /v1/segments', { token });
      session.start(token);
      done();
    } catch (cause) {
      const status = cause instanceof Problem ? cause.status : 0;
      setTrouble(status === 401 ? t('signIn.unknown') : status === 0 ? `${t('app.unreachable')} ${t('app.unreachableHint')}` : String((cause as Error).message));
    }
  };
  return (
    <form class="card sign-in" onSubmit={enter}>
      <h1>{t('signIn.title')}</h1>
      <p class="what">{t('signIn.what')}</p>
      <label for="key">{t('signIn.key')}</label>
      <input id="key" type="password" autocomplete="off" value={key} aria-invalid={trouble !== ''} aria-describedby="trouble"
        onInput={(event) => { setKey(event.currentTarget.value); setTrouble(''); }} />
      <p id="trouble" class="bad" role="alert">{trouble}</p>
      <button type="submit" class="primary">{t('signIn.go')}</button>
      <p class="what">{t('signIn.lost')}</p>
    </form>
  );
}
