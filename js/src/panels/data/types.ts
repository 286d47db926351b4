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
    "upload-open": {
      payload: { name: string; size: number };
      ok: { upload: string; chunk_bytes: number };
    };
    /** With one buffer: the bytes from `offset` on. */
    "upload-append": { payload: { upload: string; offset: number }; ok: { received: number } };
    "upload-finish": { payload: { upload: string }; ok: { message: string } };
    "upload-cancel": { payload: { upload: string }; ok: Record<string, never> };
  }
}
