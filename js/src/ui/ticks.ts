// Round ticks of an axis, for numbers and dates.
import { number } from "./format";

export interface Tick {
  value: number;
  text: string;
}

const DAY = 86_400;

/** Between `most / 2` and `most` round values from low to high. */
export function ticks(low: number, high: number, most = 6): Tick[] {
  const span = high - low;
  if (!Number.isFinite(span)) return [];
  if (!(span > 0)) return [{ value: low, text: number(low) }];
  const raw = span / most;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const by = ([1, 2, 5, 10].find((m) => m * magnitude >= raw) ?? 10) * magnitude;
  const found: Tick[] = [];
  for (let i = Math.ceil(low / by - 1e-9); i * by <= high + by * 1e-9; i += 1) {
    const value = Number((i * by).toPrecision(12));
    found.push({ value, text: number(value, 6) });
  }
  return distinct(found);
}

/** The same for seconds since 1970. */
export function dateTicks(low: number, high: number, most = 5): Tick[] {
  const days = (high - low) / DAY;
  if (!Number.isFinite(days)) return [];
  const letters = days > 365 * 3 ? 4 : days > 90 ? 7 : 10;
  const n = Math.max(1, most - 1);
  const all = Array.from({ length: n + 1 }, (_, i) => low + ((high - low) * i) / n);
  const texts = all.map((value) => new Date(value * 1000).toISOString().slice(0, letters));
  return distinct(all.map((value, i) => ({ value, text: texts[i] ?? "" })));
}

/** The first of each text: long numbers and near days can look the same. */
function distinct(all: readonly Tick[]): Tick[] {
  return all.filter(({ text }, i) => all.findIndex((one) => one.text === text) === i);
}
