// The active cell in words: what fits in no cell of the grid.
import type { Place } from "./keys";
import type { Layers } from "./layers";
import { MAX_ROWS } from "./layout";
import type { Pages } from "./pages";
import type { RowsColumn, SelectedRow } from "./types";

export function StatusLine(props: {
  place: Place | null;
  columns: readonly RowsColumn[];
  pages: Pages;
  layers: Layers;
  selected: SelectedRow | null;
  total: number;
}) {
  return (
    <p class="tw-rows-status" role="status">
      {described(props)}
    </p>
  );
}

function described(props: Parameters<typeof StatusLine>[0]): string {
  const { place, pages, layers, selected } = props;
  const column = place && props.columns[place.column];
  const position = place ? pages.position(place.row) : undefined;
  if (!place || !column || position === undefined) {
    if (props.total > MAX_ROWS) {
      return `The first ${MAX_ROWS.toLocaleString("en-US")} rows: search or sort to see others.`;
    }
    return "Click a row to select it, double-click a cell to try another value.";
  }
  const text = pages.cell(place.row, place.column);
  const edit = selected?.position === position ? selected.edits[column.name] : undefined;
  const parts = [`row ${position}`, `${column.name} ${text ?? "missing"}`];
  if (edit !== undefined) parts.push(`edited to ${edit ?? "missing"}`);
  const predicted = text === null ? layers.predicted(position, column.name) : undefined;
  if (predicted !== undefined) parts.push(`predicted ${predicted}`);
  const bits = layers.bits(position, column.name);
  if (bits !== undefined) parts.push(`${bits.toFixed(1)} bits of surprise`);
  if (!column.used) parts.push("not used by the model");
  return parts.join(" · ");
}
