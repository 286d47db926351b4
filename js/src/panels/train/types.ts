import type { RunSummary } from "../../core/protocol";
import type { Better } from "../../ui/parts";

/** What training added to a column's pretrained answers. */
export interface Gain {
  column: string;
  /** Nats per validation cell; null if a short fit did not measure it. */
  nats: number | null;
}

export interface TrainSlice {
  /** The model can be queried; with some backends before training, else once it has begun. */
  ready: boolean;
  /** The model that answers before training is being made: a matter of seconds. */
  preparing: boolean;
  /** "" before there are answers. */
  stage: "" | "pretrained" | "trained";
  /** What the answers come from, in words. */
  sources: string[];
  /** How many columns are answered better than by the table's shares; null until measured. */
  better: Better | null;
  /** A fit trains something. */
  trains: boolean;
  /** In the table's column order; empty before training. */
  gains: Gain[];
  run: RunSummary | null;
}

declare module "../../core/protocol" {
  interface Slices {
    train: TrainSlice;
  }
  interface Requests {
    start: { payload: { resume: boolean }; ok: { number: number } };
    "loss-chart": { payload: Record<string, never>; ok: { spec: Json } };
    /** What draws charts: the source of a module, as a buffer. */
    "chart-script": { payload: Record<string, never>; ok: Record<string, never> };
    /** Begins to measure on how many columns the answers are better than chance. */
    skill: { payload: Record<string, never>; ok: { started: boolean } };
    stop: { payload: Record<string, never>; ok: { status: RunStatus | null } };
  }
}
