import type { Asked, Given, Latest, Surveyed, Swept } from "../../inference/types";

declare module "../../core/protocol" {
  interface Slices {
    query: Latest;
  }
  interface Requests {
    ask: {
      payload: { formula: string } | { target: string; second?: string; given: Given };
      ok: Asked;
    };
    survey: { payload: { columns: string[] }; ok: Surveyed };
    /** With a buffer of float32: the probability of each record at each of the values. */
    sweep: {
      payload: { target: string; given: Given; column: string; values: number[] };
      ok: Swept;
    };
  }
}
