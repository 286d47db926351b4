// The active cell in words, or what can be done here.
import type { Place } from "./keys";
import { MAX_ROWS } from "./layout";
import { type Shown, wordsOf } from "./words";

export function StatusLine(props: Shown & { place: Place | null; total: number }) {
  const known = props.place && wordsOf(props.place, props);
  return (
    <p class="tw-rows-status" role="status">
      {known || hint(props.total)}
    </p>
  );
}

function hint(total: number): string {
  return total > MAX_ROWS
    ? `The first ${MAX_ROWS.toLocaleString("en-US")} rows: search or sort to see others.`
    : "Click a row to select it, double-click a cell to try another value.";
}
