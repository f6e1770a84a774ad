// Keys: who may send, read and administer.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { api, Problem, useAsked, type Schema } from '../api';
import { day, t, time } from '../i18n';
import { session } from '../session';
import { Card, Copy, Page, Shown, Table, Trouble } from '../ui';

type Key = Schema<'Key'>;

function State({ of, revoke }: { of: Key; revoke: (id: string) => void }): JSX.Element {
  const [sure, setSure] = useState(false);
  if (of.revoked) return <>{t('settings.revoked', { day: day(of.revoked) })}</>;
  return (
    <span class="row">
      {t('settings.active')}
      {sure
        ? <><button type="button" class="small danger" onClick={() => revoke(of.id)}>{t('settings.revoke.sure', { id: of.id })}</button>
          <button type="button" class="small" onClick={() => setSure(false)}>{t('app.cancel')}</button></>
        : <button type="button" class="small" aria-label={`${t('settings.revoke')} ${of.id}`} onClick={() => setSure(true)}>{t('settings.revoke')}</button>}
    </span>
  );
}

function Keys(): JSX.Element {
  const keys = useAsked((signal) => api('GET /v1/keys', { signal }), []);
  const [role, setRole] = useState<Key['role']>('read');
  const [made, setMade] = useState('');
  const [trouble, setTrouble] = useState<Problem>();
  const failed = (cause: Problem) => setTrouble(cause);
  const make = (event: Event) => {
    event.preventDefault();
    api('POST /v1/keys', { body: { role } }).then((key) => { setMade(key.key ?? ''); keys.again(); }, failed);
  };
  const revoke = (id: string) => {
    api('DELETE /v1/keys/{id}', { path: { id } }).then(keys.again, failed);
  };
  return (
    <Card wide title={t('settings.keys')} what={t('settings.keys.what')}>
      <form class="row" onSubmit={make}>
        <label for="role">{t('settings.role')}</label>
        <select id="role" value={role} onChange={(event) => setRole(event.currentTarget.value as Key['role'])}>
          {(['read', 'write', 'admin'] as const).map((one) => <option key={one} value={one}>{t(`settings.role.${one}`)}</option>)}
        </select>
        <button type="submit" class="primary">{t('settings.make')}</button>
      </form>
      {made && <div class="made" role="status"><p>{t('settings.made')}</p><pre tabIndex={0}>{made}</pre><Copy text={made} /></div>}
      {trouble && <Trouble problem={trouble} />}
      <Shown of={keys}>{(data) => (
        <Table label={t('settings.keys')} head={[[t('settings.id'), 'text'], [t('settings.role'), 'text'],
          [t('settings.created'), 'text'], [t('settings.state'), 'text']]}>
          {data.keys.map((one) => (
            <tr key={one.id} data-key={one.id}>
              <th scope="row"><code>{one.id}</code></th><td>{t(`settings.role.${one.role}`)}</td>
              <td class="when">{one.created ? time(one.created) : '–'}</td><td><State of={one} revoke={revoke} /></td>
            </tr>
          ))}
        </Table>
      )}</Shown>
    </Card>
  );
}

export function Settings(): JSX.Element {
  return <Page title={t('settings.title')}>{session.role() === 'admin' ? <Keys /> : <p>{t('settings.read')}</p>}</Page>;
}
