// The row of the table that is selected: its values are marked on the distributions.
import { type Store, useSlice } from "../core/store";
import type { SelectedRow } from "../panels/rows/types";

export function useSelected(store: Store): SelectedRow | null {
  return useSlice(store, "rows").selected ?? null;
}
