// Numbers, times and shares as people read them.
import type { ColumnSummary, Level } from "../core/protocol";

/** A number in at most `digits` significant digits, with no trailing zeros and no exponent where avoidable. */
export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value !== 0 && (Math.abs(value) >= 1e9 || Math.abs(value) < 1e-4)) {
    return value.toExponential(2);
  }
  if (Math.abs(value) >= 10 ** digits) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(digits)));
}

export function share(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const percent = value * 100;
  if (percent > 0 && percent < 0.1) return "<0.1%";
  if (percent < 100 && percent > 99.9) return ">99.9%";
  return `${Number(percent.toFixed(percent < 10 ? 1 : 0))}%`;
}

export function count(value: number | null): string {
  return value === null ? "–" : Math.round(value).toLocaleString("en-US");
}

export function seconds(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "–";
  if (value < 60) return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  return `${Math.floor(value / 60)} min ${String(Math.round(value % 60)).padStart(2, "0")} s`;
}

/** Bytes as the largest unit that they fill. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
}

export function milliseconds(value: number): string {
  const ms = value * 1000;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** Names of kinds as a person would say them. */
export const KINDS: Record<ColumnSummary["kind"], string> = {
  numeric: "number",
  categorical: "category",
  boolean: "yes / no",
  datetime: "date",
  text: "free text",
};

/** Scores as a person would say them. */
export const SCORES: Record<string, string> = {
  f1_micro: "F1 micro",
  f1_macro: "F1 macro",
  accuracy: "accuracy",
};

/** A score between 0 and 1, always as long. */
export function score(value: number, digits = 2): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "–";
}

export function level(value: Level): string {
  return typeof value === "number" ? number(value, 6) : String(value);
}

/** A sensible slider step: about two hundred stops, on round numbers. */
export function step(low: number, high: number, integer: boolean): number {
  const span = high - low;
  if (!(span > 0)) return 1;
  const raw = span / 200;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const nice = [1, 2, 5, 10].find((m) => m * magnitude >= raw) ?? 10;
  const found = nice * magnitude;
  return integer ? Math.max(1, Math.round(found)) : found;
}

/** Round to the step without the noise of binary fractions. */
export function snap(value: number, by: number): number {
  const places = Math.max(0, -Math.floor(Math.log10(by)) + 1);
  return Number((Math.round(value / by) * by).toFixed(Math.min(places, 12)));
}
