// Word attributions: a text split into words, and the strength of each.

import { share } from "../../ui/format";
import type { Attributions, WordAttribution } from "./types";

// As in the kernel: in scripts without spaces, every character is a word.
const CHARACTERS = "\\u3040-\\u30ff\\u3400-\\u9fff\\uf900-\\ufaff";
const WORD = new RegExp(`[${CHARACTERS}]|[^\\s${CHARACTERS}]+`, "g");
// Log-odds: if even the strongest effect is smaller, all words stay faint.
const MIN_SCALE = 0.5;

export interface Piece {
  text: string;
  /** Null between words, and where the text is truncated. */
  word: WordAttribution | null;
  truncated: boolean;
}

/**
 * The words and what is between them, then all that is truncated as one piece.
 * Offsets count code points, as in Python; JavaScript's strings are in UTF-16 units.
 */
export function pieces(text: string, words: readonly WordAttribution[], read: number): Piece[] {
  const points = [...text];
  const end = Math.min(read, points.length);
  const found: Piece[] = [];
  let at = 0;
  const cut = (to: number, word: WordAttribution | null, truncated = false) => {
    if (at < to) found.push({ text: points.slice(at, to).join(""), word, truncated });
    at = Math.max(at, to);
  };
  for (const word of words) {
    if (word.start >= end) break;
    cut(word.start, null);
    // A single word stays whole, even if truncated.
    cut(word.n_words > 1 ? Math.min(word.end, end) : word.end, word);
  }
  cut(end, null);
  cut(points.length, null, true);
  return found;
}

export function countWords(text: string): number {
  return text.match(WORD)?.length ?? 0;
}

/** The piece of several words with the largest effect; undefined if all are single words. */
export function strongestPiece({ words, read }: Attributions): WordAttribution | undefined {
  const several = words.filter((word) => word.n_words > 1 && word.start < read);
  return several.sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect))[0];
}

/** The words, one piece of them replaced by its parts. */
export function splitWords(
  words: readonly WordAttribution[],
  piece: WordAttribution,
  parts: readonly WordAttribution[],
): WordAttribution[] {
  return words.flatMap((word) => (word === piece ? parts : [word]));
}

/** From 0 to 1, relative to the strongest of these words. */
export function strength(effect: number, words: readonly WordAttribution[]): number {
  const largest = Math.max(MIN_SCALE, ...words.map((word) => Math.abs(word.effect)));
  return Math.abs(effect) / largest;
}

export function describe(word: string, { without }: WordAttribution, words: Attributions): string {
  return `without ‘${word}’: ${words.label} ${share(words.probability)} → ${share(without)}`;
}
