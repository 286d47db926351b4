// What an answer changed elsewhere: the columns whose distributions moved most.
import type { DistributionRecord } from "./types";

export type Survey = Record<string, DistributionRecord[]>;

export interface Move {
  column: string;
  /** Total variation distance, 0 to 1. */
  shift: number;
}

/** Smaller shifts are not worth a mention. */
const LEAST = 0.05;

export function distance(
  before: readonly DistributionRecord[],
  after: readonly DistributionRecord[],
): number {
  const old = new Map(before.map((record) => [String(record.value), record.probability]));
  let sum = 0;
  for (const record of after) {
    sum += Math.abs(record.probability - (old.get(String(record.value)) ?? 0));
    old.delete(String(record.value));
  }
  for (const probability of old.values()) sum += probability;
  return sum / 2;
}

/** The columns that moved, most first. */
export function moves(before: Survey, after: Survey, most = 3): Move[] {
  return Object.entries(after)
    .flatMap(([column, records]) => {
      const old = before[column];
      return old && old !== records ? [{ column, shift: distance(old, records) }] : [];
    })
    .filter(({ shift }) => shift >= LEAST)
    .sort((a, b) => b.shift - a.shift)
    .slice(0, most);
}
