// Pixels of the grid.
import type { RowsColumn } from "./types";

export const ROW = 28;
export const HEADER = 58;

const LETTER = 7.1; // of tabular numerals and most names
const NAME_LETTER = 7.8;
const PADDING = 24;
const SORT_ARROW = 22;
const MIN_WIDTH = 84; // a histogram needs that
const MAX_NAME = 190;

// Browsers lay out no element that is much higher.
export const MAX_ROWS = Math.floor(15_000_000 / ROW);

export function widthOf(column: RowsColumn): number {
  const name = Math.min(MAX_NAME, column.name.length * NAME_LETTER + PADDING + SORT_ARROW);
  return Math.round(Math.max(MIN_WIDTH, name, column.letters * LETTER + PADDING));
}

/** Width of the row numbers. */
export function numberWidth(rows: number): number {
  return Math.round(String(rows).length * LETTER + PADDING);
}
