// Asking the server. What can be asked comes from its own document (api.gen.ts), made at every build.
import type { Operations, Schemas } from './api.gen';
import { useEffect, useState } from 'preact/hooks';
import { session } from './session';

export type Schema<Name extends keyof Schemas> = Schemas[Name];
export type Ok<Op extends keyof Operations> = Operations[Op]['ok'];

type Ask<Op extends keyof Operations> = {
  path?: Operations[Op]['path'];
  query?: Operations[Op]['query'];
  body?: Operations[Op]['body'];
  signal?: AbortSignal;
  token?: string;
};

// What went wrong, in the server's words: one sentence, and what to do.
export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, detail: string, readonly hint = '') {
    super(detail);
  }
}

function address(op: string, ask: { path?: object; query?: object }): string {
  const pattern = op.slice(op.indexOf(' ') + 1);
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String((ask.path as Record<string, unknown>)[name])));
  const query = Object.entries(ask.query ?? {}).filter(([, value]) => value !== undefined);
  return query.length === 0 ? path : `${path}?${query.map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`).join('&')}`;
}

async function problemOf(answer: Response): Promise<Problem> {
  const body = (await answer.json().catch(() => ({}))) as Partial<Schema<'Problem'>>;
  return new Problem(answer.status, body.code ?? 'unknown', body.detail ?? answer.statusText, body.hint);
}

export async function api<Op extends keyof Operations>(op: Op, ask: Ask<Op> = {}): Promise<Ok<Op>> {
  const token = ask.token ?? session.token();
  const headers: Record<string, string> = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (ask.body !== undefined) headers['Content-Type'] = 'application/json';
  let answer: Response;
  try {
    answer = await fetch(address(op, ask), {
      method: op.slice(0, op.indexOf(' ')),
      headers,
      body: ask.body === undefined ? undefined : JSON.stringify(ask.body),
      signal: ask.signal,
    });
  } catch (cause) {
    if ((cause as Error).name === 'AbortError') throw cause;
    throw new Problem(0, 'unreachable', '');
  }
  if (!answer.ok) {
    const problem = await problemOf(answer);
    if (answer.status === 401 && ask.token === undefined) session.end();
    throw problem;
  }
  const text = (answer.headers.get('Content-Type') ?? '').includes('json') ? answer.json() : answer.text();
  return (await text) as Ok<Op>;
}

export type Loaded<T> = { data?: T; error?: Problem; again: () => void };

// Ask when the page appears and whenever `keys` change; what is not wanted any more is given up.
export function useAsked<T>(ask: (signal: AbortSignal) => Promise<T>, keys: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: Problem }>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState({});
    ask(stop.signal).then(
      (data) => { if (!stop.signal.aborted) setState({ data }); },
      (cause) => {
        if (stop.signal.aborted) return;
        setState({ error: cause instanceof Problem ? cause : new Problem(0, 'failed', String(cause)) });
      });
    return () => stop.abort();
  }, [...keys, round]);
  return { ...state, again: () => setRound((n) => n + 1) };
}
