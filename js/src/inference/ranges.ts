// Convert between slider positions and evidence, for numbers and dates.

import type { ColumnSummary, Level } from "../core/table";
import type { DistributionRecord, Evidence } from "./types";

export interface Line {
  low: number;
  high: number;
  step: number;
  date: boolean;
}

export function lineOf(column: ColumnSummary): Line {
  const low = column.low ?? 0;
  const high = column.high ?? 1;
  const date = column.kind === "datetime";
  const by = step(low, high, column.integer || date);
  if (date) return { low, high, step: by, date };
  // Sliders step from their lowest value: if that is round, so are all others.
  const round = (steps: number) => Number((steps * by).toPrecision(12));
  return { low: round(Math.floor(low / by)), high: round(Math.ceil(high / by)), step: by, date };
}

/** A slider's number as a value of evidence: dates are sent as text. */
export function toLevel(value: number, line: Line): Level {
  return line.date ? new Date(value * 1000).toISOString().slice(0, 19) : value;
}

export function fromLevel(level: Level, line: Line): number {
  return !line.date || typeof level === "number" ? Number(level) : toSeconds(String(level));
}

/** Seconds since 1970 of a date as the kernel writes it: without a zone it is UTC. */
export function toSeconds(text: string): number {
  const iso = text.trim().replace(" ", "T");
  const zoned = !iso.includes("T") || /(Z|[+-]\d\d:?\d\d)$/.test(iso);
  return Date.parse(zoned ? iso : `${iso}Z`) / 1000;
}

/** Both ends of the evidence; equal for a single value. */
export function endsOf(evidence: Evidence | null, line: Line): [number, number] | null {
  const ends = evidence && bothEnds(evidence, line);
  return ends?.every(Number.isFinite) ? ends : null;
}

function bothEnds(evidence: Evidence, line: Line): [number, number] {
  switch (evidence.op) {
    case "is":
      return [fromLevel(evidence.value, line), fromLevel(evidence.value, line)];
    case "between":
      return [fromLevel(evidence.low, line), fromLevel(evidence.high, line)];
    case "above":
      return [fromLevel(evidence.value, line), line.high];
    case "below":
      return [line.low, fromLevel(evidence.value, line)];
    default: {
      const all = evidence.values.map((value) => fromLevel(value, line));
      return [Math.min(...all), Math.max(...all)];
    }
  }
}

export function isRange(evidence: Evidence | null): boolean {
  return evidence !== null && evidence.op !== "is";
}

export function single(value: number, line: Line): Evidence {
  return { op: "is", value: toLevel(value, line) };
}

export function range(low: number, high: number, line: Line): Evidence {
  const ends = [low, high].sort((a, b) => a - b) as [number, number];
  return {
    op: "between",
    low: toLevel(ends[0], line),
    high: toLevel(ends[1], line),
    closed: "both",
  };
}

/** Position of a slider without evidence: the predicted mean. */
export function resting(records: readonly DistributionRecord[] | null, line: Line): number {
  const middle = (line.low + line.high) / 2;
  if (!records?.length) return snap(middle, line.step);
  let mean = 0;
  for (const record of records) {
    const center =
      record.low !== undefined && record.high !== undefined
        ? (record.low + record.high) / 2
        : fromLevel(record.value, line);
    mean += center * record.probability;
  }
  return Number.isFinite(mean)
    ? snap(Math.min(line.high, Math.max(line.low, mean)), line.step)
    : middle;
}

/** A round slider step, for about two hundred positions. */
export function step(low: number, high: number, integer: boolean): number {
  const span = high - low;
  if (!(span > 0)) return 1;
  const raw = span / 200;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const nice = [1, 2, 5, 10].find((m) => m * magnitude >= raw) ?? 10;
  const found = nice * magnitude;
  return integer ? Math.max(1, Math.round(found)) : found;
}

/** Round to the step, without binary rounding noise. */
export function snap(value: number, by: number): number {
  const places = Math.max(0, -Math.floor(Math.log10(by)) + 1);
  return Number((Math.round(value / by) * by).toFixed(Math.min(places, 12)));
}
