// Language, numbers, money and dates.
import { messages, type MessageKey } from './messages';

export type Language = 'en' | 'zh';
export type Theme = 'system' | 'light' | 'dark';

const LANGUAGE = 'clade.language';
const THEME = 'clade.theme';

function firstLanguage(): Language {
  const kept = localStorage.getItem(LANGUAGE);
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.language.startsWith('zh') ? 'zh' : 'en';
}

let language: Language = firstLanguage();

export const settings = {
  language: (): Language => language,
  setLanguage: (to: Language): void => {
    language = to;
    localStorage.setItem(LANGUAGE, to);
    settings.apply();
  },
  theme: (): Theme => (localStorage.getItem(THEME) as Theme | null) ?? 'system',
  setTheme: (to: Theme): void => {
    localStorage.setItem(THEME, to);
    settings.apply();
  },
  apply: (): void => {
    const root = document.documentElement;
    root.lang = language === 'zh' ? 'zh-CN' : 'en';
    const theme = settings.theme();
    if (theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = theme;
  },
};

const locale = (): string => (language === 'zh' ? 'zh-CN' : 'en-GB');

// "{n|customer|customers}" is the word for one and the word for more; "{n}" is the value itself.
export function t(key: MessageKey, values: Record<string, string | number> = {}): string {
  const text: string = messages[key][language === 'zh' ? 1 : 0];
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, more?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    if (one !== undefined) return String(value) === '1' ? one : (more ?? '');
    return typeof value === 'number' ? number(value) : value;
  });
}

// The name or sentence in the language of the page, where the answer has both.
export function said(en: string | null | undefined, zh: string | null | undefined): string {
  return (language === 'zh' ? zh : en) ?? en ?? '';
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
}

export function percent(value: number, digits = 1): string {
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
}

export function money(value: string | number, currency: string, whole = true): string {
  const digits = whole ? { minimumFractionDigits: 0, maximumFractionDigits: 0 } : {};
  return new Intl.NumberFormat(locale(), {
    style: 'currency', currency, currencyDisplay: 'narrowSymbol', ...digits,
  }).format(Number(value));
}

export function day(moment: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(moment));
}

export function time(moment: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' }).format(new Date(moment));
}

export function daysBetween(from: string, to: string): number {
  return Math.floor((Date.parse(to) - Date.parse(from)) / 86_400_000);
}
