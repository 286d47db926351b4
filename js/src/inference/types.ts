// Evidence, questions and predicted distributions.
import type { Kind, Level } from "../core/table";

export type Evidence =
  | { op: "is"; value: Level }
  | { op: "in" | "not in"; values: Level[] }
  | { op: "between"; low: Level; high: Level; closed: string }
  | { op: "above" | "below"; value: Level; inclusive: boolean };

/** Evidence by column. */
export type Given = Record<string, Evidence>;

export interface Question {
  formula: string;
  target: string;
  given: Given;
}

/** A row of a distribution: a level, a single number, or a bin. */
export interface DistributionRecord {
  value: Level;
  probability: number;
  low?: number;
  high?: number;
  density?: number;
}

export interface AnswerSummary {
  number: number;
  target: string;
  kind: Kind;
  records: DistributionRecord[];
  headline: string;
  detail: string;
  seconds: number;
  python: string;
  formula: string;
}

export interface Asked {
  question: Question;
  answer: AnswerSummary;
}

/** The session's newest question and its answer. */
export interface Latest {
  question: Question | null;
  answer: AnswerSummary | null;
}

/** The distribution of every other column, given the evidence. */
export interface Surveyed {
  formula: string;
  columns: Record<string, DistributionRecord[]>;
  /** Columns that are still to be surveyed: each part takes a limited time. */
  rest: string[];
}
