import type { RunSummary } from "../../core/protocol";

export interface TrainSlice {
  /** The model can be queried; true as soon as training has begun. */
  ready: boolean;
  run: RunSummary | null;
}

declare module "../../core/protocol" {
  interface Slices {
    train: TrainSlice;
  }
  interface Requests {
    start: { payload: { resume: boolean }; ok: { number: number } };
    "loss-chart": { payload: Record<string, never>; ok: { spec: Json } };
    stop: { payload: Record<string, never>; ok: { status: RunStatus | null } };
  }
}
