// What travels between the browser and the kernel: the snapshot, requests and messages.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A value of a cell, as JSON carries it. */
export type Level = string | number | boolean;

export interface HistogramBar {
  label: string;
  low: number | null;
  high: number | null;
  count: number;
}

export type Kind = "numeric" | "categorical" | "boolean" | "datetime" | "text";

export interface ColumnSummary {
  name: string;
  kind: Kind;
  /** Evidence can be given, but not asked for. */
  role: "feature" | "evidence" | "ignored";
  dtype: string;
  missing: number;
  n_unique: number;
  note: string;
  integer: boolean;
  low: number | null;
  high: number | null;
  levels: Level[];
  histogram: HistogramBar[];
}

export interface TableSummary {
  name: string;
  rows: number;
  columns: ColumnSummary[];
}

export interface Choices {
  target: string | null;
  task: string;
  serializer: string;
  max_seconds: number | null;
  backend: string;
  /** Name or folder of a pretrained model; empty for the backend's own choice. */
  model: string;
  /** Of the adapters; null if all weights are tuned. */
  rank: number | null;
  /** Such as "4bit"; null for full precision. */
  quantization: string | null;
}

export interface Backend {
  name: string;
  title: string;
  pretrained: boolean;
  /** The model it takes if none is named. */
  standard: string;
  /** What installs what it lacks; empty if it lacks nothing. */
  command: string;
}

/** What a fit takes, about. */
export interface Cost {
  n_parameters: number;
  n_trained: number;
  tokens_per_row: number;
  seconds_per_epoch: number;
  memory: number;
  free: number;
  advice: string;
}

export interface Frame {
  name: string;
  rows: number;
  columns: number;
}

export interface Offers {
  samples: string[];
  frames: Frame[];
  tasks: string[];
  serializers: string[];
  backends: Backend[];
}

/** The task of texts and their labels. */
export interface Labelling {
  /** Columns that are read, in order. */
  texts: string[];
  /** Columns that hold the labels: one with a label a cell, or several of 0 and 1. */
  labels: string[];
  /** Between the labels in a cell; empty if there is one a cell. */
  delimiter: string;
  /** As in `Choices`; empty for the standard one. */
  model: string;
  rank: number | null;
  quantization: string | null;
  /** Tokens of a text that are read; what lies after them is not. */
  max_length: number;
  /** The model taken if none is named. */
  standard: string;
  /** What installs what is missing; empty if nothing is. */
  command: string;
  /** Columns that can be chosen. */
  offers: { texts: string[]; labels: string[] };
  /** Texts can be labeled: true as soon as training has begun to learn. */
  ready: boolean;
  /** Renewed at each evaluation while it trains. */
  report: LabelReport | null;
}

/** What decides a task of labels: how often they are right. */
export interface LabelScores {
  f1_micro: number;
  f1_macro: number;
  accuracy: number;
}

/** Figures of the validation rows. */
export interface LabelReport extends LabelScores {
  /** A text may have several labels: only then are there thresholds. */
  multi: boolean;
  /** How many were held out. */
  rows: number;
  /** The same at thresholds of 0.5; null where no others are tuned. */
  half: LabelScores | null;
  /** At most 200. */
  classes: LabelRow[];
}

export interface LabelRow {
  label: string;
  /** Held-out rows that have it. */
  support: number;
  precision: number;
  recall: number;
  f1: number;
  /** Null where the likeliest label is taken. */
  threshold: number | null;
  /** Held-out rows that have the label by its probability, in equal bins from 0 to 1; empty while it trains. */
  has: number[];
  /** The same of the rows that lack it. */
  lacks: number[];
}

/** A label's probability for a text, and whether the text gets it. */
export interface LabelAnswer {
  label: string;
  probability: number;
  chosen: boolean;
}

/** What a text's word does for a label; places are in code points. */
export interface WordEffect {
  start: number;
  end: number;
  /** The fall in log-odds without the word: positive if it speaks for the label. */
  effect: number;
  /** The label's probability of the text without the word. */
  without: number;
  /** More than 1 where several stand together. */
  n_words: number;
}

export interface CurvePoint {
  seconds: number;
  step: number;
  loss: number;
  split: "train" | "validation";
}

export type RunStatus = "running" | "done" | "stopped" | "failed";

/** The figures of a run, sent with every batch. */
export interface RunStats {
  status: RunStatus;
  error: string | null;
  step: number;
  epoch: number;
  seconds: number;
  rows_per_second: number | null;
  seconds_left: number | null;
  budget: number | null;
  best_step: number | null;
  best_loss: number | null;
  loss: number | null;
  eval_loss: number | null;
  n_parameters: number | null;
  /** Figures of the newest evaluation besides the loss; empty where there are none. */
  metrics: Record<string, number>;
}

export interface RunSummary extends RunStats {
  number: number;
  /** Number of the first event that `curve` does not hold. */
  next: number;
  curve: CurvePoint[];
  examples: string[];
}

export type Evidence =
  | { op: "is"; value: Level }
  | { op: "in" | "not in"; values: Level[] }
  | { op: "between"; low: Level; high: Level; closed: string }
  | { op: "above" | "below"; value: Level; inclusive: boolean };

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

/** Everything a panel draws, small enough to travel at every change. */
export interface Snapshot {
  table: TableSummary | null;
  choices: Choices;
  offers: Offers;
  /** Null unless the task is the one of texts and their labels. */
  labeling: Labelling | null;
  run: RunSummary | null;
  ready: boolean;
  question: Question | null;
  answer: AnswerSummary | null;
  python: string;
}

export interface CellSpan {
  column: string;
  name: [number, number];
  value: [number, number];
}

export interface Preview {
  text: string;
  spans: CellSpan[];
  row: number;
  /** Where each token ends, and whether it is learned; empty if the backend reads cells. */
  tokens: [number, boolean][];
  /** Code points of the text that the model reads: all of them, unless it is too long. */
  read: number;
  /** The row's true labels; empty in other tasks. */
  labels: string[];
}

/** What a person changes of the choices. */
export type Chosen = Partial<
  Choices & Pick<Labelling, "texts" | "labels" | "delimiter" | "max_length">
>;

export interface Asked {
  question: Question;
  answer: AnswerSummary;
}

export interface Surveyed {
  formula: string;
  columns: Record<string, DistributionRecord[]>;
}

/** All labels of a text, likeliest first. */
export interface Labelled {
  labels: LabelAnswer[];
  seconds: number;
  python: string;
}

export interface Words {
  label: string;
  probability: number;
  words: WordEffect[];
  /** As in `Preview`. */
  read: number;
}

/** A numbered slice of a run's events; the points follow as one float32 buffer. */
export interface BatchMessage {
  type: "batch";
  run: number;
  from: number;
  next: number;
  stats: RunStats;
  examples: string[];
}

export interface ReplyMessage {
  type: "reply";
  id: string;
  ok?: Json;
  error?: string;
}

/** What each kind of request takes and gives. */
export interface Requests {
  load: { payload: { source: string; name: string }; ok: { message: string } };
  frames: { payload: Record<string, never>; ok: { frames: Frame[] } };
  choose: { payload: Chosen; ok: { message: string } };
  preview: { payload: { row: number; draw: number }; ok: Preview };
  cost: { payload: Record<string, never>; ok: { cost: Cost } };
  start: { payload: { resume: boolean }; ok: { number: number } };
  stop: { payload: Record<string, never>; ok: { status: RunStatus | null } };
  ask: { payload: { formula: string } | { target: string; given: Given }; ok: Asked };
  survey: { payload: Record<string, never>; ok: Surveyed };
  chart: { payload: { name: "losses" | "distribution" }; ok: { spec: Json } };
  thresholds: {
    payload: { set: Record<string, number> } | { take: "tuned" | "half" };
    ok: { report: LabelReport };
  };
  example: { payload: { draw: number }; ok: { text: string; labels: string[] } };
  label: { payload: { text: string }; ok: Labelled };
  words: {
    payload: { text: string; label: string; within?: [number, number] };
    ok: Words;
  };
  "catch-up": { payload: { run: number; since: number }; ok: { batch: BatchMessage | null } };
}

export type RequestKind = keyof Requests;
