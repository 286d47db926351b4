// How a control uses a column: one value, a range or set, or all but what is chosen.
import type { Kind } from "../core/table";
import type { Evidence } from "./types";

export type Use = "is" | "any of" | "range" | "not";

/** The uses of a column, the usual one first. */
export function usesOf(kind: Kind): readonly Use[] {
  if (kind === "text") return ["is"];
  return kind === "numeric" || kind === "datetime" ? ["is", "range", "not"] : ["any of", "not"];
}

/** The use that made a piece of evidence; null without any. */
export function useOf(evidence: Evidence | null, kind: Kind): Use | null {
  if (!evidence) return null;
  if (evidence.op === "not in") return "not";
  if (kind === "numeric" || kind === "datetime") return evidence.op === "is" ? "is" : "range";
  return usesOf(kind)[0] ?? null;
}
