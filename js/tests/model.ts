// A stand-in for anywidget's model: records requests, and lets a test play the kernel.

import panels from "virtual:panels";
import type { AnyModel } from "@anywidget/types";
import type { RunStats, RunSummary, SliceName, Slices, WidgetState } from "../src/core/protocol";
import { Store, traitOf } from "../src/core/store";
import type { ColumnSummary } from "../src/core/table";
import type { AnswerSummary, Question } from "../src/inference/types";
import type { RowSettings } from "../src/panels/task/forms/rows";
import type { TextLabelOffers, TextLabelSettings } from "../src/panels/task/forms/text-labels";
import type { TaskSlice } from "../src/panels/task/types";

interface Sent {
  id: string;
  kind: string;
  payload: Record<string, unknown>;
}

/** What the kernel sends besides the names of the panels. */
export type State = Slices & { python: string };

const PANELS = ["data", "task", "train", "columns", "query", "labels", "rows"];

/** The trait that carries a part of the state. */
function traitFor(key: string): string {
  return key === "python" ? key : traitOf(key as SliceName);
}

export class FakeModel {
  readonly sent: Sent[] = [];
  state: State;
  readonly #own: Partial<WidgetState>;
  readonly #handlers = new Map<string, Set<(...args: unknown[]) => void>>();

  constructor(state: State, panels = PANELS, framed = false) {
    this.state = state;
    this.#own = { panels, framed, static_id: "abc123" };
  }

  /** Itself, in the type that the sources take. */
  get any(): AnyModel<WidgetState> {
    return this as unknown as AnyModel<WidgetState>;
  }

  get(key: keyof WidgetState): unknown {
    const name = Object.keys(this.state).find((one) => traitFor(one) === key);
    return name ? this.state[name as keyof State] : this.#own[key];
  }

  set(key: keyof WidgetState, value: unknown): void {
    Object.assign(this.#own, { [key]: value });
  }

  save_changes(): void {}

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

  /** Set traits; as from the kernel, only those that differ are sent. */
  update(state: State): void {
    for (const key of Object.keys(state) as (keyof State)[]) {
      if (JSON.stringify(this.state[key]) === JSON.stringify(state[key])) continue;
      this.state = { ...this.state, [key]: state[key] };
      this.trigger(`change:${traitFor(key)}`);
    }
  }
}

const OFFERED = { standard: "", command: "", pretrained: false, text: true };
const BACKENDS = [
  { ...OFFERED, name: "minilm", title: "cells", text: false },
  { ...OFFERED, name: "minilm-text", title: "text" },
  { ...OFFERED, name: "huggingface", title: "pretrained", pretrained: true, standard: "base" },
  { ...OFFERED, name: "mlx", title: "MLX", command: "pip install it" },
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
    phase: "learning",
    phase_seconds_left: 8,
    note: "",
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

/** A run at its first event. */
export function run(more: Partial<RunSummary> = {}): RunSummary {
  return { ...stats(), number: 1, next: 0, curve: [], examples: [], ...more };
}

/** The task slice of a language model of the rows. */
export function rowTask(
  settings: Partial<RowSettings> = {},
  more: Partial<TaskSlice> = {},
): TaskSlice {
  return {
    tasks: ["classification", "regression", "synthesis", "text labels"],
    task: "classification",
    kind: "rows",
    panel: "query",
    roles: { g: "target" },
    hint: "Press Train.",
    max_seconds: 10,
    settings: {
      target: "g",
      serializer: "json",
      backend: "minilm",
      model: "",
      rank: null,
      quantization: null,
      ...settings,
    },
    offers: { backends: BACKENDS, serializers: ["json", "key-value", "bracket"] },
    ...more,
  };
}

/** The task slice of a text classifier of the labels in one column. */
export function textTask(
  settings: Partial<TextLabelSettings> = {},
  offers: Partial<TextLabelOffers> = {},
): TaskSlice {
  return {
    ...rowTask(),
    task: "text labels",
    kind: "text-labels",
    panel: "labels",
    roles: { title: "text", topic: "label" },
    settings: {
      texts: ["title"],
      labels: ["topic"],
      delimiter: "",
      model: "",
      rank: 16,
      quantization: null,
      max_length: 256,
      ...settings,
    },
    offers: {
      texts: ["title", "body"],
      labels: ["topic", "urgent", "local"],
      standard: "base",
      command: "",
      ...offers,
    },
  };
}

/** The slice of the rows of a table that is not loaded. */
const NO_ROWS: Slices["rows"] = {
  table: null,
  view: {
    sort: null,
    descending: false,
    search: "",
    matching_only: false,
    by_surprise: false,
    version: 0,
    total: 0,
  },
  selected: null,
  model: 0,
  predicted: 0,
  surprise: null,
};

/** The traits of a session with a table, before training; parts of slices replace theirs. */
export function state(more: { [K in keyof Slices]?: Partial<Slices[K]> } = {}): State {
  const columns = [
    column("x"),
    column("g", { kind: "categorical", low: null, high: null, levels: ["a", "b"] }),
  ];
  const table = { name: "toy", rows: 12, columns };
  return {
    python: "",
    data: { table, samples: ["iris"], ...more.data },
    task: { ...rowTask(), ...more.task },
    train: {
      ready: false,
      preparing: false,
      stage: "",
      sources: [],
      better: null,
      trains: true,
      gains: [],
      run: null,
      ...more.train,
    },
    query: { question: null, answer: null, ...more.query },
    labels: { report: null, ...more.labels },
    columns: { alerts: {}, ...more.columns },
    rows: { ...NO_ROWS, ...more.rows },
  };
}

/** An answer about a category. */
export function answerSummary(more: Partial<AnswerSummary> = {}): AnswerSummary {
  return {
    number: 1,
    target: "g",
    second: null,
    kind: "categorical",
    records: [
      { value: "a", probability: 0.7 },
      { value: "b", probability: 0.3 },
    ],
    joint: null,
    matching: null,
    headline: "a 70%",
    detail: "",
    seconds: 0.004,
    python: 'lm.conditional("g")',
    formula: "g",
    ...more,
  };
}

/** A question about a category. */
export function questionOf(more: Partial<Question> = {}): Question {
  return { formula: "g", target: "g", second: null, given: {}, ...more };
}

/** Text, label and indicator columns. */
export const COLUMNS = [
  column("title", { kind: "text", role: "evidence", low: null, high: null }),
  column("body", { kind: "text", role: "evidence", low: null, high: null }),
  column("topic", { kind: "categorical", low: null, high: null, levels: ["a", "b"] }),
  column("urgent", { integer: true, low: 0, high: 1 }),
  column("local", { kind: "boolean", low: null, high: null, levels: [false, true] }),
];

/** The traits of a session that classifies texts, before training. */
export function textState(more: Parameters<typeof state>[0] = {}): State {
  const table = { name: "news", rows: 12, columns: COLUMNS };
  return state({ task: textTask(), ...more, data: { table, ...more.data } });
}

export function storeOf(model: FakeModel): Store {
  return new Store(
    model.any,
    panels.map(({ name }) => name),
  );
}

/** Points as the kernel packs them. */
export function packed(...points: [number, number, number, number][]): DataView {
  return new DataView(new Float32Array(points.flat()).buffer);
}

/** Payloads of the requests of one kind, in order. */
export function asked(model: FakeModel, kind: string): Record<string, unknown>[] {
  return model.sent.filter((one) => one.kind === kind).map((one) => one.payload);
}

/** Reply to the newest request of a kind. */
export async function answer(model: FakeModel, kind: string, ok: unknown): Promise<void> {
  const at = model.sent.findLastIndex((one) => one.kind === kind);
  if (at < 0) throw new Error(`no request of kind ${kind}`);
  model.reply(at, ok);
  await settle();
}

/** Let promises and effects settle. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 4; i += 1) await new Promise((resolve) => setTimeout(resolve, 12));
}
