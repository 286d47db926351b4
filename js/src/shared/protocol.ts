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
  /** Name or folder of a pretrained model; empty for the engine's own choice. */
  model: string;
  /** Of the adapters; null if all weights are tuned. */
  rank: number | null;
  /** Such as "4bit"; null for full precision. */
  quantization: string | null;
}

export interface Engine {
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
  tokens_a_row: number;
  seconds_an_epoch: number;
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
  engines: Engine[];
}

export interface CurvePoint {
  seconds: number;
  step: number;
  loss: number;
  split: "train" | "hold-out";
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
  /** Where each token ends, and whether it is learned; empty if the engine reads cells. */
  tokens: [number, boolean][];
}

export interface Asked {
  question: Question;
  answer: AnswerSummary;
}

export interface Surveyed {
  formula: string;
  columns: Record<string, DistributionRecord[]>;
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
  choose: { payload: Partial<Choices>; ok: { message: string } };
  preview: { payload: { row: number; draw: number }; ok: Preview };
  cost: { payload: Record<string, never>; ok: { cost: Cost } };
  start: { payload: { resume: boolean }; ok: { number: number } };
  stop: { payload: Record<string, never>; ok: { status: RunStatus | null } };
  ask: { payload: { formula: string } | { target: string; given: Given }; ok: Asked };
  survey: { payload: Record<string, never>; ok: Surveyed };
  chart: { payload: { name: "losses" | "distribution" }; ok: { spec: Json } };
  "catch-up": { payload: { run: number; since: number }; ok: { batch: BatchMessage | null } };
}

export type RequestKind = keyof Requests;
