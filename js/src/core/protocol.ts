// The protocol between the front end and the kernel: slices of state, requests and messages.
// Panels add their own to `Slices` and `Requests` by declaration merging, in their `types.ts`.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a panel shows, by the panel's name; one trait of the widget each. */
// biome-ignore lint/suspicious/noEmptyInterface: panels extend it
export interface Slices {}

export type SliceName = keyof Slices;

type SliceTraits = { [K in SliceName as `${K}_slice`]: Slices[K] };

/** Traits of the widget. A slice is `{}` until the kernel makes it. */
export interface WidgetState extends SliceTraits {
  /** Names of the panels drawn, in order. */
  panels: string[];
  /** One frame around all panels, with a bar on top. */
  framed: boolean;
  /** The session as Python code. */
  python: string;
  static_id: string;
  /** Number of the answer on the screen, for hosts that follow traits which the front end sets. */
  seen: number;
}

/** Payload and reply of each kind of request. */
export interface Requests {
  "catch-up": { payload: { run: number; since: number }; ok: { batch: BatchMessage | null } };
}

export type RequestKind = keyof Requests;

export interface ReplyMessage {
  type: "reply";
  id: string;
  ok?: Json;
  error?: string;
}

export interface CurvePoint {
  seconds: number;
  step: number;
  loss: number;
  split: "train" | "validation";
}

export type RunStatus = "running" | "done" | "stopped" | "failed";

/** Metrics of a run, sent with every batch. */
export interface RunStats {
  status: RunStatus;
  /** What a running fit is doing, such as "learning"; empty when it is over. */
  phase: string;
  phase_seconds_left: number | null;
  /** What to know of the fit, such as that it made one step only. */
  note: string;
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
  /** From the newest evaluation, besides the loss. */
  metrics: Record<string, number>;
}

export interface RunSummary extends RunStats {
  number: number;
  /** Number of the first event that is not part of `curve`. */
  next: number;
  curve: CurvePoint[];
  examples: string[];
}

/** Events of a run, numbered `from` to `next`; their points follow as one float32 buffer. */
export interface BatchMessage {
  type: "batch";
  run: number;
  from: number;
  next: number;
  stats: RunStats;
  examples: string[];
}
