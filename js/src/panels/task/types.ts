import type { Json } from "../../core/protocol";

export interface TaskSlice {
  /** Names of the tasks. */
  tasks: string[];
  task: string;
  /** Selects the form for the settings; see `forms/`. */
  kind: string;
  /** The panel that queries the fitted model. */
  panel: string;
  /** The role of columns in the task, such as "target". */
  roles: Record<string, string>;
  /** Shown in the Train panel before the first fit. */
  hint: string;
  max_seconds: number | null;
  /** By kind: each form declares its own type. */
  settings: object;
  /** Choices for the settings. */
  offers: object;
}

/** Changed settings; the kernel validates them. */
export type TaskChange = { task?: string; max_seconds?: number | null } & {
  [setting: string]: Json;
};

/** Estimated cost of a fit. */
export interface Cost {
  n_parameters: number;
  n_trained: number;
  tokens_per_row: number;
  seconds_per_epoch: number;
  memory: number;
  free: number;
  advice: string;
}

export interface CellSpan {
  column: string;
  name: [number, number];
  value: [number, number];
}

/** A row as model input. */
export interface Preview {
  text: string;
  spans: CellSpan[];
  row: number;
  /** End of each token, and whether it enters the loss; empty if the backend reads cells. */
  tokens: [number, boolean][];
  /** True labels; null where rows are serialized. */
  labels: string[] | null;
  /** Length of the text in code points after truncation. */
  read: number;
}

declare module "../../core/protocol" {
  interface Slices {
    task: TaskSlice;
  }
  interface Requests {
    choose: { payload: TaskChange; ok: { message: string } };
    preview: { payload: { row: number; draw: number }; ok: Preview };
    cost: { payload: Record<string, never>; ok: { cost: Cost } };
  }
}
