// Format numbers, times and shares for display.
import type { ColumnSummary, Level } from "../core/table";

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

/** A day as 2024-05-31, from seconds since 1970. */
export function day(value: number | null): string {
  return value === null ? "–" : new Date(value * 1000).toISOString().slice(0, 10);
}

/** Bytes in the largest unit of which there is at least one. */
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

/** Nats below which a gain is not shown as one. */
export const NO_GAIN = 0.005;

/** Nats gained, with their sign. */
export function gain(nats: number | null): string {
  if (nats === null || !Number.isFinite(nats)) return "–";
  return `${nats < 0 ? "−" : "+"}${Math.abs(nats).toFixed(2)}`;
}

/** Display names of column kinds. */
export const KINDS: Record<ColumnSummary["kind"], string> = {
  numeric: "number",
  categorical: "category",
  boolean: "yes / no",
  datetime: "date",
  text: "free text",
};

/** Display names of metrics. */
export const SCORES: Record<string, string> = {
  f1_micro: "F1 micro",
  f1_macro: "F1 macro",
  accuracy: "accuracy",
};

/** A score between 0 and 1, with a fixed number of digits. */
export function score(value: number, digits = 2): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "–";
}

export function level(value: Level): string {
  return typeof value === "number" ? number(value, 6) : String(value);
}
