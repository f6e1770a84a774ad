// The model cards by name: what a score is the answer to.
import { api, type Schema } from './api';

export type Model = Schema<'Models'>['models'][number];

export async function modelsByName(signal: AbortSignal): Promise<Map<string, Model>> {
  const answer = await api('GET /v1/models', { signal });
  return new Map(answer.models.map((one) => [one.name, one]));
}

// Scores of spend and value are money; all others are chances.
export const isMoney = (task: string): boolean => task.startsWith('spend') || task.startsWith('value');
