// The thresholds while a hand moves them: what it holds now, and the newest figures.
import type { LabelReport, LabelRow } from "../../core/protocol";
import { Superseded, type Transport } from "../../core/transport";

export class Thresholds {
  report: LabelReport | null = null;
  error = "";
  readonly #transport: Transport;
  readonly #changed: () => void;
  /** Moved, and not yet part of a report. */
  readonly #held = new Map<string, number>();
  #taking = 0;
  #adopted: LabelReport | null = null;

  constructor(transport: Transport, changed: () => void) {
    this.#transport = transport;
    this.#changed = changed;
  }

  /** Take over the snapshot's figures when there are new ones. */
  adopt(report: LabelReport | null): void {
    if (report === this.#adopted) return;
    this.#adopted = report;
    this.report = report;
  }

  of(row: LabelRow): number | null {
    return this.#held.get(row.label) ?? row.threshold;
  }

  set(label: string, threshold: number): void {
    this.#held.set(label, threshold);
    this.#changed();
    if (!this.#taking) this.#sendHeld();
  }

  take(which: "tuned" | "half"): void {
    this.#held.clear();
    this.#taking += 1;
    this.#send({ take: which }).finally(() => {
      this.#taking -= 1;
      // Moved in the meantime: sent at once, it would have replaced the question under way.
      if (!this.#taking && this.#held.size) this.#sendHeld();
    });
  }

  #sendHeld(): void {
    // All that is held, since a newer question drops the one that waits.
    this.#send({ set: Object.fromEntries(this.#held) }).then((last) => {
      if (last) this.#held.clear();
      this.#changed();
    });
  }

  /** Whether this was the newest question when its answer came. */
  async #send(
    payload: { set: Record<string, number> } | { take: "tuned" | "half" },
  ): Promise<boolean> {
    this.error = "";
    try {
      const { report } = await this.#transport.latest("thresholds", payload);
      this.report = report;
    } catch (error) {
      if (error instanceof Superseded) return false;
      this.error = (error as Error).message;
    }
    this.#changed();
    return true;
  }
}
