import type { Level } from "../../core/table";
import type { Given } from "../../inference/types";

/** How a column is drawn and edited. */
export interface RowsColumn {
  name: string;
  /** Letters of most of its cells. */
  letters: number;
  number: boolean;
  /** Whether the model reads it. */
  used: boolean;
  /** Whether the model predicts it. */
  target: boolean;
}

/** Which rows are shown, and in which order. */
export interface RowsSettings {
  sort: string | null;
  descending: boolean;
  search: string;
  matching_only: boolean;
  by_surprise: boolean;
}

export interface RowsView extends RowsSettings {
  /** Grows with each change of the order. */
  version: number;
  /** Rows shown. */
  total: number;
}

/** The selected row. */
export interface SelectedRow {
  /** Position in the table. */
  position: number;
  positions: number[];
  /** Where it is shown; null if it is not. */
  index: number | null;
  /** Its known cells. */
  values: Record<string, Level>;
  /** Texts of the cells that were replaced; null for one that is missing now. */
  edits: Record<string, string | null>;
}

export interface SurpriseProgress {
  done: number;
  total: number;
  /** Grows whenever more bits are known, also of rows that are not done. */
  pieces: number;
  running: boolean;
}

export interface RowsSlice {
  table: { rows: number; columns: RowsColumn[] } | null;
  view: RowsView;
  selected: SelectedRow | null;
  /** Number of the model that answers; 0 without one. */
  model: number;
  /** Grows whenever more missing cells have been predicted. */
  predicted: number;
  surprise: SurpriseProgress | null;
}

/** Text of a cell; null if it is missing. */
export type CellText = string | null;

declare module "../../core/protocol" {
  interface Slices {
    rows: RowsSlice;
  }
  interface Requests {
    rows: {
      payload: { from: number; to: number; columns?: string[] };
      ok: {
        version: number;
        from: number;
        positions: number[];
        cells: Record<string, CellText[]>;
      };
    };
    "view-rows": { payload: Partial<RowsSettings>; ok: { version: number; total: number } };
    "select-rows": { payload: { positions: number[] }; ok: { given: Given } };
    "edit-cell": {
      payload: { position: number; column: string; value: string };
      ok: { given: Given };
    };
    predictions: {
      payload: { positions: number[]; columns: string[] };
      ok: {
        model: number;
        cells: { position: number; column: string; text: string }[];
      };
    };
    surprise: {
      payload: { positions: number[]; on?: boolean };
      ok: {
        model: number;
        columns: string[];
        /** Bits of each cell, by the position of its row; null while unknown or if missing. */
        rows: Record<string, (number | null)[]>;
        /** Positions of the rows of which all cells have been scored. */
        scored: number[];
      };
    };
    "surprising-cell": {
      payload: { rank: number };
      ok: {
        found: { position: number; index: number; column: string; bits: number } | null;
        next?: number;
      };
    };
  }
}
