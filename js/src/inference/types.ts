// Evidence, questions and predicted distributions.
import type { Kind, Level } from "../core/table";

export type Evidence =
  | { op: "is"; value: Level }
  | { op: "in" | "not in"; values: Level[] }
  | { op: "between"; low: Level; high: Level; closed: string }
  | { op: "above" | "below"; value: Level; inclusive: boolean };

/** Evidence by column. */
export type Given = Record<string, Evidence>;

/** The distribution of one column given others, or of two together. */
export interface Question {
  formula: string;
  target: string;
  /** Asked together with the target. */
  second: string | null;
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

/** A cell of the distribution of two columns. */
export interface JointRecord {
  x: Level;
  y: Level;
  probability: number;
}

/** The rows of the table that match the evidence. */
export interface Matching {
  rows: number;
  matching: number;
  /** One value per record; null if no row matches. */
  shares: number[] | null;
  /** Ends of the 90 % interval of each share. */
  low: number[] | null;
  high: number[] | null;
}

/** A distribution in words. */
export interface Words {
  headline: string;
  detail: string;
}

export interface AnswerSummary extends Words {
  number: number;
  target: string;
  second: string | null;
  kind: Kind;
  records: DistributionRecord[];
  joint: JointRecord[] | null;
  matching: Matching | null;
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

/** The distribution of other columns, given the evidence. */
export interface Surveyed {
  formula: string;
  columns: Record<string, DistributionRecord[]>;
  /** Columns that are still to be surveyed: each part takes a limited time. */
  rest: string[];
}

/** The answer at each of a slider's positions; the probabilities follow as a float32 buffer. */
export interface Swept {
  records: DistributionRecord[];
  words: Words[];
  /** Of a number. */
  mean: number[] | null;
  /** Ends of a number's 90 % interval. */
  low: number[] | null;
  high: number[] | null;
}
