// A cell in words: what fits in no cell of the grid.
import type { Place } from "./keys";
import type { Layers } from "./layers";
import type { Pages } from "./pages";
import type { RowsColumn, SelectedRow } from "./types";

export interface Shown {
  columns: readonly RowsColumn[];
  pages: Pages;
  layers: Layers;
  selected: SelectedRow | null;
}

/** What is known of a cell; empty while its page is under way. */
export function wordsOf({ row, column: at }: Place, shown: Shown): string {
  const { pages, layers, selected } = shown;
  const column = shown.columns[at];
  const position = pages.position(row);
  if (!column || position === undefined) return "";
  const text = pages.cell(row, at);
  const edit = selected?.position === position ? selected.edits[column.name] : undefined;
  const parts = [`row ${position}`, `${column.name} ${text ?? "missing"}`];
  if (edit !== undefined) parts.push(`edited to ${edit ?? "missing"}`);
  const predicted = text === null ? layers.predicted(position, column.name) : undefined;
  if (predicted !== undefined) parts.push(`predicted ${predicted}`);
  const bits = layers.bits(position, column.name);
  if (bits !== undefined) parts.push(surpriseOf(bits));
  if (!column.used) parts.push("not used by the model");
  return parts.join(" · ");
}

/** A cell's surprise relative to what was to be expected. */
function surpriseOf(bits: number): string {
  const amount = Math.abs(bits).toFixed(1);
  if (Number(amount) === 0) return "as surprising as expected";
  return `${amount} bits ${bits < 0 ? "less" : "more"} surprising than expected`;
}
