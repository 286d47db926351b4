import type { TableSummary } from "../../core/table";

/** A DataFrame in the notebook. */
export interface Frame {
  name: string;
  rows: number;
  columns: number;
}

export interface DataSlice {
  table: TableSummary | null;
  samples: string[];
}

declare module "../../core/protocol" {
  interface Slices {
    data: DataSlice;
  }
  interface Requests {
    load: { payload: { source: string; name: string }; ok: { message: string } };
    frames: { payload: Record<string, never>; ok: { frames: Frame[] } };
  }
}
