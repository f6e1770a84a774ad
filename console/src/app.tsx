// The frame: who is signed in, where we are, what is on the left.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { settings, t, type Theme } from './i18n';
import type { MessageKey } from './messages';
import { Palette } from './palette';
import { Customers } from './pages/customer';
import { Data } from './pages/data';
import { Predictions } from './pages/predictions';
import { Segment } from './pages/segment';
import { Segments } from './pages/segments';
import { Settings } from './pages/settings';
import { SignIn } from './pages/sign-in';
import { Today } from './pages/today';
import { to, useHere } from './router';
import { session } from './session';
import { Page } from './ui';

const sections: Array<{ name: string; label: MessageKey; icon: string; admin?: true }> = [
  { name: 'today', label: 'nav.today', icon: 'M4 11l8-7 8 7v9h-5v-6H9v6H4z' },
  { name: 'segments', label: 'nav.segments', icon: 'M12 3v9l7.5 4.5M12 12L4.5 16.5M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z' },
  { name: 'customers', label: 'nav.customers', icon: 'M16 8a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM4 21c0-4 3.5-6.500 8-6.500s8 2.500 8 6.500' },
  { name: 'predictions', label: 'nav.predictions', icon: 'M3 18l6-7 4 4 8-10M15 5h6v6' },
  { name: 'data', label: 'nav.data', icon: 'M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zM4 6c0 4 16 4 16 0M4 12c0 4 16 4 16 0' },
  { name: 'settings', label: 'nav.settings', icon: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 7a2 2 0 1 0 0-.1M9 17a2 2 0 1 0 0-.1', admin: true },
];

export function Icon({ path }: { path: string }): JSX.Element {
  return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={path} /></svg>;
}

function Content({ at }: { at: string[] }): JSX.Element {
  const [section = 'today', name] = at;
  switch (section) {
    case 'today': return <Today />;
    case 'segments': return name ? <Segment key={name} name={name} /> : <Segments />;
    case 'customers': return <Customers key={name ?? ''} id={name} />;
    case 'predictions': return <Predictions />;
    case 'data': return <Data />;
    case 'settings': return <Settings />;
    default: return <Page title={t('app.notFound')}><p><a href={to('today')}>{t('nav.today')}</a></p></Page>;
  }
}

function Looks({ changed }: { changed: () => void }): JSX.Element {
  const themes: Theme[] = ['system', 'light', 'dark'];
  return (
    <div class="looks">
      <button type="button" class="quiet" lang={settings.language() === 'en' ? 'zh-CN' : 'en'}
        onClick={() => { settings.setLanguage(settings.language() === 'en' ? 'zh' : 'en'); changed(); }}>
        {t('app.language')}
      </button>
      <label>
        <span class="hidden">{t('app.theme')}</span>
        <select value={settings.theme()}
          onChange={(event) => { settings.setTheme(event.currentTarget.value as Theme); changed(); }}>
          {themes.map((theme) => <option key={theme} value={theme}>{t(`app.theme.${theme}`)}</option>)}
        </select>
      </label>
    </div>
  );
}

function Navigation({ at, changed, openPalette }: { at: string[]; changed: () => void; openPalette: () => void }): JSX.Element {
  const role = session.role();
  return (
    <div class="side">
      <a class="brand" href={to('today')}><span class="mark" aria-hidden="true" />{t('app.name')}</a>
      <button type="button" class="find" onClick={openPalette}>{t('palette.open')}</button>
      <nav aria-label={t('app.sections')}>
        {sections.filter((one) => !one.admin || role === 'admin').map((one) => (
          <a key={one.name} href={to(one.name)} aria-current={(at[0] ?? 'today') === one.name ? 'page' : undefined}>
            <Icon path={one.icon} /><span>{t(one.label)}</span>
          </a>
        ))}
      </nav>
      <div class="who">
        <Looks changed={changed} />
        <p>{role && t(`app.role.${role}`)}</p>
        <button type="button" class="quiet" onClick={() => session.end()}>{t('app.signOut')}</button>
      </div>
    </div>
  );
}

export function App(): JSX.Element {
  const at = useHere();
  const [, setRound] = useState(0);
  const [palette, setPalette] = useState(false);
  const main = useRef<HTMLElement>(null);
  const changed = () => setRound((n) => n + 1);
  session.onEnd(changed);
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'k' || !session.role()) return;
      event.preventDefault();
      setPalette((open) => !open);
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, []);
  useEffect(() => {
    document.title = `${main.current?.querySelector('h1')?.textContent ?? ''} · ${t('app.name')}`;
    scrollTo(0, 0);
  }, [at.join('/'), settings.language()]);
  if (!session.role()) return <main class="alone"><SignIn done={changed} /><Looks changed={changed} /></main>;
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>{t('app.skip')}</a>
      <Navigation at={at} changed={changed} openPalette={() => setPalette(true)} />
      <main id="main" ref={main} tabIndex={-1} key={settings.language()}><Content at={at} /></main>
      {palette && <Palette close={() => setPalette(false)} sections={sections} />}
    </div>
  );
}
