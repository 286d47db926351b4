// The predicted labels of a text, and word attributions for the label in focus.

import { Superseded, type Transport } from "../../core/transport";
import type { Attributions, LabelAnswers } from "./types";
import { splitWords, strongestPiece } from "./words";

const PAUSE = 250; // milliseconds without typing
const MAX_ROUNDS = 24; // of splitting pieces of a text

export class TextPrediction {
  text = "";
  /** The true labels, if the text is a validation example. */
  truth: string[] | null = null;
  answer: LabelAnswers | null = null;
  /** The label whose word attributions are shown. */
  focus: string | null = null;
  words: (Attributions & { text: string }) | null = null;
  error = "";
  readonly #transport: Transport;
  readonly #changed: () => void;
  #timer: number | undefined;
  #draw = 0;
  #request = 0;
  /** The label that the user put in focus; otherwise the most likely one is. */
  #picked: string | null = null;

  constructor(transport: Transport, changed: () => void) {
    this.#transport = transport;
    this.#changed = changed;
  }

  /** Whether the attributions shown are for another text or label. */
  get stale(): boolean {
    return this.words?.text !== this.text || this.words.label !== this.focus;
  }

  /** Start with an example, unless the user typed a text. */
  begin(): void {
    if (this.truth || !this.text.trim()) this.next();
    else this.ask();
  }

  /** The next example. */
  next(): void {
    window.clearTimeout(this.#timer);
    this.#request += 1;
    const request = this.#request;
    const draw = this.#draw;
    this.#draw += 1;
    this.#run(async () => {
      const { text, labels } = await this.#transport.latest("example", { draw });
      // Keep what the user typed meanwhile.
      if (request !== this.#request) return;
      this.text = text;
      this.truth = labels;
      this.#picked = null;
      this.ask();
    });
  }

  /** Ask when typing pauses. */
  type(text: string): void {
    this.#request += 1;
    this.text = text;
    this.truth = null;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.ask(), PAUSE);
    this.#changed();
  }

  /** Show attributions for a label. */
  focusOn(label: string): void {
    this.#picked = label;
    this.focus = label;
    this.#changed();
    this.#attribute(this.text);
  }

  ask(): void {
    const text = this.text;
    this.#run(async () => {
      if (!text.trim()) {
        this.answer = null;
        this.words = null;
        return;
      }
      const answer = await this.#transport.latest("label", { text });
      if (!this.text.trim()) return;
      this.answer = answer;
      const listed = answer.labels.some(({ label }) => label === this.#picked);
      this.focus = listed ? this.#picked : (answer.labels[0]?.label ?? null);
      this.#attribute(text);
    });
  }

  close(): void {
    window.clearTimeout(this.#timer);
  }

  #attribute(text: string): void {
    const label = this.focus;
    if (label === null || !text.trim()) return;
    this.#run(async () => {
      let words = await this.#transport.latest("words", { text, label });
      this.#show(words, text);
      // Long texts come in pieces of several words: split the strongest further.
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const piece = strongestPiece(words);
        if (!piece) return;
        const within: [number, number] = [piece.start, piece.end];
        const parts = await this.#transport.latest("words", { text, label, within });
        words = { ...words, words: splitWords(words.words, piece, parts.words) };
        this.#show(words, text);
      }
    });
  }

  #show(words: Attributions, text: string): void {
    if (this.text.trim()) this.words = { ...words, text };
    this.#changed();
  }

  #run(action: () => Promise<void>): void {
    this.error = "";
    this.#changed();
    action()
      .catch((error: Error) => {
        if (!(error instanceof Superseded)) this.error = error.message;
      })
      .finally(this.#changed);
  }
}
