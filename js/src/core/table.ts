// A table as the kernel summarizes it.

/** A value of a cell, as JSON carries it. */
export type Level = string | number | boolean;

export type Kind = "numeric" | "categorical" | "boolean" | "datetime" | "text";

export interface HistogramBar {
  label: string;
  low: number | null;
  high: number | null;
  count: number;
}

export interface ColumnSummary {
  name: string;
  kind: Kind;
  /** "evidence": usable as evidence, not as a target. */
  role: "feature" | "evidence" | "ignored";
  dtype: string;
  /** Share of the rows. */
  missing: number;
  n_unique: number;
  note: string;
  integer: boolean;
  low: number | null;
  high: number | null;
  levels: Level[];
  histogram: HistogramBar[];
}

export interface TableSummary {
  name: string;
  rows: number;
  columns: ColumnSummary[];
}
