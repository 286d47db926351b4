import type { Asked, Given, Latest, Surveyed } from "../../inference/types";

declare module "../../core/protocol" {
  interface Slices {
    query: Latest;
  }
  interface Requests {
    ask: { payload: { formula: string } | { target: string; given: Given }; ok: Asked };
    "answer-chart": { payload: Record<string, never>; ok: { spec: Json } };
    survey: { payload: { columns?: string[] }; ok: Surveyed };
  }
}
