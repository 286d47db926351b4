export interface LabelScores {
  f1_micro: number;
  f1_macro: number;
  accuracy: number;
}

/** Validation metrics of a text classifier. */
export interface LabelReport extends LabelScores {
  /** A text may have several labels: only then are there thresholds. */
  multi: boolean;
  /** Number of validation rows. */
  rows: number;
  /** The scores at threshold 0.5; null where thresholds are not tuned. */
  half: LabelScores | null;
  /** At most 200. */
  classes: LabelRow[];
}

export interface LabelRow {
  label: string;
  /** Validation rows with the label. */
  support: number;
  precision: number;
  recall: number;
  f1: number;
  /** Null where the most likely label is predicted. */
  threshold: number | null;
  /**
   * Validation rows with the label, by predicted probability, in equal bins from 0 to 1; empty
   * during training.
   */
  has: number[];
  /** The same for rows without the label. */
  lacks: number[];
}

export interface LabelAnswer {
  label: string;
  probability: number;
  /** Predicted for the text. */
  chosen: boolean;
}

/** All labels, most likely first. */
export interface LabelAnswers {
  labels: LabelAnswer[];
  seconds: number;
  python: string;
}

/** The leave-one-out effect of a word, or of several; offsets are in code points. */
export interface WordAttribution {
  start: number;
  end: number;
  /** Fall in log-odds without the word: positive if the word is evidence for the label. */
  effect: number;
  /** Probability of the label without the word. */
  without: number;
  n_words: number;
}

export interface Attributions {
  label: string;
  probability: number;
  words: WordAttribution[];
  /** Length of the text in code points after truncation. */
  read: number;
}

export interface LabelsSlice {
  /** Updated at each evaluation during training. */
  report: LabelReport | null;
}

declare module "../../core/protocol" {
  interface Slices {
    labels: LabelsSlice;
  }
  interface Requests {
    thresholds: {
      payload: { set: Record<string, number> } | { take: "tuned" | "half" };
      ok: { report: LabelReport };
    };
    example: { payload: { draw: number }; ok: { text: string; labels: string[] } };
    label: { payload: { text: string }; ok: LabelAnswers };
    words: {
      payload: { text: string; label: string; within?: [number, number] };
      ok: Attributions;
    };
  }
}
