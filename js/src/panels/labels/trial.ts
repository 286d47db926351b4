// A text being tried: its labels, and what each word does for the label in focus.
import type { Labelled, Words } from "../../core/protocol";
import { Superseded, type Transport } from "../../core/transport";
import { parted, weightiest } from "./words";

const REST = 250; // milliseconds
const MAX_ROUNDS = 24; // in which pieces of a text are parted further

export class Trial {
  text = "";
  /** The true labels, if the text is an example that was held out. */
  truth: string[] | null = null;
  answer: Labelled | null = null;
  /** The label that the words are asked for. */
  focus: string | null = null;
  words: (Words & { text: string }) | null = null;
  error = "";
  readonly #transport: Transport;
  readonly #changed: () => void;
  #timer: number | undefined;
  #draw = 0;
  #turn = 0;
  /** The label that a person put in focus; else the likeliest is. */
  #picked: string | null = null;

  constructor(transport: Transport, changed: () => void) {
    this.#transport = transport;
    this.#changed = changed;
  }

  /** Whether the words that are shown are of another text or label than the newest. */
  get stale(): boolean {
    return this.words?.text !== this.text || this.words.label !== this.focus;
  }

  /** A model can answer: an example to begin with, unless a person typed something. */
  begin(): void {
    if (this.truth || !this.text.trim()) this.next();
    else this.ask();
  }

  /** The next example. */
  next(): void {
    window.clearTimeout(this.#timer);
    this.#turn += 1;
    const turn = this.#turn;
    const draw = this.#draw;
    this.#draw += 1;
    this.#run(async () => {
      const { text, labels } = await this.#transport.latest("example", { draw });
      // What a person typed since is not taken away.
      if (turn !== this.#turn) return;
      this.text = text;
      this.truth = labels;
      this.#picked = null;
      this.ask();
    });
  }

  /** Asked once the typing rests. */
  type(text: string): void {
    this.#turn += 1;
    this.text = text;
    this.truth = null;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.ask(), REST);
    this.#changed();
  }

  /** Put a label in focus. */
  look(label: string): void {
    this.#picked = label;
    this.focus = label;
    this.#changed();
    this.#askWords(this.text);
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
      const known = answer.labels.some(({ label }) => label === this.#picked);
      this.focus = known ? this.#picked : (answer.labels[0]?.label ?? null);
      this.#askWords(text);
    });
  }

  close(): void {
    window.clearTimeout(this.#timer);
  }

  #askWords(text: string): void {
    const label = this.focus;
    if (label === null || !text.trim()) return;
    this.#run(async () => {
      let words = await this.#transport.latest("words", { text, label });
      this.#show(words, text);
      // Of a long text come some words at a time: the weightiest are parted further.
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const piece = weightiest(words);
        if (!piece) return;
        const within: [number, number] = [piece.start, piece.end];
        const parts = await this.#transport.latest("words", { text, label, within });
        words = { ...words, words: parted(words.words, piece, parts.words) };
        this.#show(words, text);
      }
    });
  }

  #show(words: Words, text: string): void {
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
