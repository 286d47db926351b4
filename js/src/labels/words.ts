// A text cut at its words, and how strongly each speaks for a label or against it.
import { share } from "../shared/format";
import type { WordEffect, Words } from "../shared/protocol";

// Log-odds: where even the strongest word does less than this, all of them stay faint.
const FAINT = 0.5;

export interface Piece {
  text: string;
  /** Null between the words. */
  word: WordEffect | null;
}

/** Offsets are in code points (Python's), JavaScript's strings in UTF-16 units. */
export function pieces(text: string, words: readonly WordEffect[]): Piece[] {
  const points = [...text];
  const cut = (from: number, to: number) => points.slice(from, to).join("");
  const found: Piece[] = [];
  let at = 0;
  for (const word of words) {
    if (word.start > at) found.push({ text: cut(at, word.start), word: null });
    found.push({ text: cut(word.start, word.end), word });
    at = word.end;
  }
  if (at < points.length) found.push({ text: cut(at, points.length), word: null });
  return found;
}

/** The piece of several words that does most; undefined if all are single words. */
export function weightiest(words: readonly WordEffect[]): WordEffect | undefined {
  const several = words.filter((word) => word.n_words > 1);
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
