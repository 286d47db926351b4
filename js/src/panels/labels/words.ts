// A text cut at its words, and how strongly each speaks for a label or against it.

import type { WordEffect, Words } from "../../core/protocol";
import { share } from "../../ui/format";

// As the kernel parts a text: scripts written without spaces count sign by sign.
const SIGNS = "\\u3040-\\u30ff\\u3400-\\u9fff\\uf900-\\ufaff";
const WORD = new RegExp(`[${SIGNS}]|[^\\s${SIGNS}]+`, "g");
// Log-odds: where even the strongest word does less than this, all of them stay faint.
const FAINT = 0.5;

export interface Piece {
  text: string;
  /** Null between the words, and where the model no longer reads. */
  word: WordEffect | null;
  unread: boolean;
}

/**
 * The words of what is read and what stands between them, then all that is not read as one piece.
 * Offsets are in code points (Python's), JavaScript's strings in UTF-16 units.
 */
export function pieces(text: string, words: readonly WordEffect[], read: number): Piece[] {
  const points = [...text];
  const end = Math.min(read, points.length);
  const found: Piece[] = [];
  let at = 0;
  const cut = (to: number, word: WordEffect | null, unread = false) => {
    if (at < to) found.push({ text: points.slice(at, to).join(""), word, unread });
    at = Math.max(at, to);
  };
  for (const word of words) {
    if (word.start >= end) break;
    cut(word.start, null);
    // A single word stays whole, be it read in part.
    cut(word.n_words > 1 ? Math.min(word.end, end) : word.end, word);
  }
  cut(end, null);
  cut(points.length, null, true);
  return found;
}

export function countWords(text: string): number {
  return text.match(WORD)?.length ?? 0;
}

/** The piece of several words that does most of those read; undefined if all are single words. */
export function weightiest({ words, read }: Words): WordEffect | undefined {
  const several = words.filter((word) => word.n_words > 1 && word.start < read);
  return several.sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect))[0];
}

/** The words with a piece of them replaced by its parts. */
export function parted(
  words: readonly WordEffect[],
  piece: WordEffect,
  parts: readonly WordEffect[],
): WordEffect[] {
  return words.flatMap((word) => (word === piece ? parts : [word]));
}

/** From 0 to 1, beside the strongest of these words. */
export function strength(effect: number, words: readonly WordEffect[]): number {
  const largest = Math.max(FAINT, ...words.map((word) => Math.abs(word.effect)));
  return Math.abs(effect) / largest;
}

export function said(word: string, { without }: WordEffect, words: Words): string {
  return `without ‘${word}’: ${words.label} ${share(words.probability)} → ${share(without)}`;
}
