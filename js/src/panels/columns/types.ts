/** What columns would tell about the target: the list of what to measure next. */
export interface Influence {
  /** Expected gain in bits, by column. */
  bits: Record<string, number>;
  /** Columns that are still to be computed: each part takes a limited time. */
  rest: string[];
}

/** The columns themselves are in the slice of the data panel. */
export interface ColumnsSlice {
  /** What to look out for, in words, by column. */
  alerts: Record<string, string[]>;
}

declare module "../../core/protocol" {
  interface Slices {
    columns: ColumnsSlice;
  }
  interface Requests {
    influence: { payload: { columns?: string[] }; ok: Influence };
    declare: {
      payload: { column: string; kind?: string; role?: string };
      ok: { message: string };
    };
  }
}
