// Where we are: "#/segments/outlook:at-risk" is ['segments', 'outlook:at-risk'].
import { useEffect, useState } from 'preact/hooks';

export const here = (): string[] =>
  location.hash.replace(/^#\/?/, '').split('/').filter((part) => part !== '').map(decodeURIComponent);

export const to = (...parts: string[]): string => `#/${parts.map(encodeURIComponent).join('/')}`;

export const go = (...parts: string[]): void => { location.hash = to(...parts); };

export function useHere(): string[] {
  const [parts, setParts] = useState(here);
  useEffect(() => {
    const changed = () => setParts(here());
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return parts;
}
