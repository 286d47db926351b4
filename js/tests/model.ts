// A stand-in for anywidget's model: records what is sent, and lets a test play the kernel.
import type { AnyModel } from "@anywidget/types";
import type { ColumnSummary, Labelling, RunStats, Snapshot } from "../src/core/protocol";
import type { WidgetState } from "../src/core/store";

interface Sent {
  id: string;
  kind: string;
  payload: Record<string, unknown>;
}

function parts({ table, run, ...state }: Snapshot) {
  return { table, run, state };
}

export class FakeModel {
  readonly sent: Sent[] = [];
  state: WidgetState;
  readonly #handlers = new Map<string, Set<(...args: unknown[]) => void>>();

  constructor(snapshot: Snapshot, panels = ["data", "task", "train", "query"]) {
    this.state = { ...parts(snapshot), panels, static_id: "abc123" };
  }

  /** Itself, as the type that the sources take. */
  get any(): AnyModel<WidgetState> {
    return this as unknown as AnyModel<WidgetState>;
  }

  get(key: keyof WidgetState): unknown {
    return this.state[key];
  }

  send(content: Sent): void {
    this.sent.push(content);
  }

  on(name: string, handler: (...args: unknown[]) => void): void {
    const known = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, known.add(handler));
  }

  off(name: string, handler: (...args: unknown[]) => void): void {
    this.#handlers.get(name)?.delete(handler);
  }

  trigger(name: string, ...args: unknown[]): void {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) handler(...args);
  }

  listeners(): number {
    let all = 0;
    for (const handlers of this.#handlers.values()) all += handlers.size;
    return all;
  }

  reply(index: number, ok: unknown, buffers: DataView[] = []): void {
    this.trigger("msg:custom", { type: "reply", id: this.sent[index]?.id, ok }, buffers);
  }

  fail(index: number, error: string): void {
    this.trigger("msg:custom", { type: "reply", id: this.sent[index]?.id, error }, []);
  }

  update(snapshot: Snapshot): void {
    this.state = { ...this.state, ...parts(snapshot) };
    this.trigger("change:state");
  }
}

const BACKENDS = [
  { name: "minilm", title: "cells", pretrained: false, standard: "", command: "" },
  { name: "huggingface", title: "pretrained", pretrained: true, standard: "base", command: "" },
  { name: "mlx", title: "MLX", pretrained: true, standard: "", command: "pip install it" },
];

export function column(name: string, more: Partial<ColumnSummary> = {}): ColumnSummary {
  return {
    name,
    kind: "numeric",
    role: "feature",
    dtype: "float64",
    missing: 0,
    n_unique: 9,
    note: "",
    integer: false,
    low: 0,
    high: 10,
    levels: [],
    histogram: [{ label: "0 to 10", low: 0, high: 10, count: 3 }],
    ...more,
  };
}

export function stats(more: Partial<RunStats> = {}): RunStats {
  return {
    status: "running",
    error: null,
    step: 10,
    epoch: 1,
    seconds: 1,
    rows_per_second: 1000,
    seconds_left: 9,
    budget: 10,
    best_step: 5,
    best_loss: 0.5,
    loss: 0.4,
    eval_loss: 0.5,
    n_parameters: 1234,
    metrics: {},
    ...more,
  };
}

export function snapshot(more: Partial<Snapshot> = {}): Snapshot {
  const columns = [
    column("x"),
    column("g", { kind: "categorical", low: null, high: null, levels: ["a", "b"] }),
  ];
  return {
    table: { name: "toy", rows: 12, columns },
    choices: {
      target: "g",
      task: "classification",
      serializer: "json",
      max_seconds: 10,
      backend: "minilm",
      model: "",
      rank: null,
      quantization: null,
    },
    offers: {
      samples: ["iris"],
      frames: [],
      tasks: ["classification", "regression", "synthesis"],
      backends: BACKENDS,
      serializers: ["json", "key-value", "bracket"],
    },
    labeling: null,
    run: null,
    ready: false,
    question: null,
    answer: null,
    python: "",
    ...more,
  };
}

/** Texts with the labels of one column, before training. */
export function labeling(more: Partial<Labelling> = {}): Labelling {
  return {
    texts: ["title"],
    labels: ["topic"],
    delimiter: "",
    model: "",
    rank: 16,
    quantization: null,
    max_length: 256,
    standard: "base",
    command: "",
    offers: { texts: ["title", "body"], labels: ["topic", "urgent", "local"] },
    ready: false,
    report: null,
    ...more,
  };
}

/** Columns of texts, of labels, and of 0 and 1. */
export const COLUMNS = [
  column("title", { kind: "text", role: "evidence", low: null, high: null }),
  column("body", { kind: "text", role: "evidence", low: null, high: null }),
  column("topic", { kind: "categorical", low: null, high: null, levels: ["a", "b"] }),
  column("urgent", { integer: true, low: 0, high: 1 }),
  column("local", { kind: "boolean", low: null, high: null, levels: [false, true] }),
];

/** The task of texts over those columns. */
export function texts(more: Partial<Labelling> = {}, rest: Partial<Snapshot> = {}): Snapshot {
  const table = { name: "news", rows: 12, columns: COLUMNS };
  const choices = { ...snapshot().choices, task: "text labels" };
  return snapshot({ table, choices, labeling: labeling(more), ...rest });
}

/** Points as the kernel packs them. */
export function packed(...points: [number, number, number, number][]): DataView {
  return new DataView(new Float32Array(points.flat()).buffer);
}

/** What was asked of one kind, in order. */
export function asked(model: FakeModel, kind: string): Record<string, unknown>[] {
  return model.sent.filter((one) => one.kind === kind).map((one) => one.payload);
}

/** Answer the newest request of a kind. */
export async function answer(model: FakeModel, kind: string, ok: unknown): Promise<void> {
  const at = model.sent.findLastIndex((one) => one.kind === kind);
  if (at < 0) throw new Error(`nothing was asked of ${kind}`);
  model.reply(at, ok);
  await settle();
}

/** Let promises and effects settle. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setTimeout(resolve, 5));
}
