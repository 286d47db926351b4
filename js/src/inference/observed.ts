// The row of the table that is selected: its values are marked on the distributions.
import type { SliceName } from "../core/protocol";
import { type Store, useSlice } from "../core/store";
import type { Level } from "../core/table";

export interface Selected {
  /** Position of the row in the table. */
  position: number;
  /** Its known cells. */
  values: Record<string, Level>;
}

export function useSelected(store: Store): Selected | null {
  const slice = useSlice(store, "rows" as SliceName) as { selected?: Selected | null };
  return slice.selected ?? null;
}
