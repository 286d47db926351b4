// The answer over the whole range of one column: asked once, then read off while a slider moves.
import type { AnswerSummary, DistributionRecord, Swept, Words } from "./types";

export class Curve {
  /** Identifies the question, without the evidence on the column. */
  readonly key: string;
  readonly target: string;
  readonly column: string;
  /** Positions of the slider, ascending. */
  readonly positions: readonly number[];
  readonly swept: Swept;
  readonly #probabilities: Float32Array;

  constructor(
    key: string,
    target: string,
    column: string,
    positions: readonly number[],
    swept: Swept,
    buffer: DataView | undefined,
  ) {
    this.key = key;
    this.target = target;
    this.column = column;
    this.positions = positions;
    this.swept = swept;
    // A copy: the buffer of a message may start anywhere, a float array may not.
    const bytes = new Uint8Array(buffer?.byteLength ?? 0);
    if (buffer) bytes.set(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength));
    this.#probabilities = new Float32Array(bytes.buffer);
  }

  /** Probability of a record at a position. */
  probability(position: number, record: number): number {
    return this.#probabilities[position * this.swept.records.length + record] ?? Number.NaN;
  }

  /** The records that are most probable somewhere on the curve, by their index. */
  leading(most: number): number[] {
    const { records } = this.swept;
    const peaks = records.map((_record, j) => {
      let peak = 0;
      for (let i = 0; i < this.positions.length; i += 1) {
        peak = Math.max(peak, this.probability(i, j));
      }
      return { j, peak };
    });
    const kept = [...peaks].sort((a, b) => b.peak - a.peak).slice(0, most);
    return kept.map(({ j }) => j).sort((a, b) => a - b);
  }

  /** The answer at a position of the slider; null where the curve has none. */
  at(value: number): (Words & Pick<AnswerSummary, "records">) | null {
    const i = this.#nearest(value);
    const words = i === null ? undefined : this.swept.words[i];
    if (i === null || !words) return null;
    return { ...words, records: this.swept.records.map((record, j) => this.#filled(record, i, j)) };
  }

  #filled(record: DistributionRecord, i: number, j: number): DistributionRecord {
    const probability = this.probability(i, j);
    if (record.low === undefined || record.high === undefined) return { ...record, probability };
    return { ...record, probability, density: probability / (record.high - record.low || 1) };
  }

  /** A position within half a step of the value. */
  #nearest(value: number): number | null {
    const { positions } = this;
    const step = positions.length > 1 ? (positions[1] ?? 0) - (positions[0] ?? 0) : 0;
    const i = step ? Math.round((value - (positions[0] ?? 0)) / step) : 0;
    const found = positions[i];
    return found !== undefined && Math.abs(found - value) <= step * 0.51 ? i : null;
  }
}
