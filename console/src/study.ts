// What `clade segment` wrote of a segment. The document leaves it open, so each part may be missing.
import type { Schema } from './api';

export type Difference = { feature: string; unit: string; en: string; zh: string; delta: number; median_in: number; median_out: number };
export type Rule = { en: string; zh: string; coverage: number; precision: number };
export type Study = {
  revenue: string; revenue_share: number; stability: number | null; persona: string; persona_zh: string;
  next_90_days: { spend: string; spend_low: string; spend_high: string; return: number; return_low: number; return_high: number };
  differences: Difference[]; rules: Rule[]; rules_precision: number; rules_recall: number;
};

export function studyOf(segment: Schema<'Segment'>): Partial<Study> | undefined {
  return segment.study as Partial<Study> | undefined;
}
