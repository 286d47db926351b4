// Thresholds while they are adjusted, and the newest metrics.

import { Superseded, type Transport } from "../../core/transport";
import type { LabelReport, LabelRow } from "./types";

export class Thresholds {
  report: LabelReport | null = null;
  error = "";
  readonly #transport: Transport;
  readonly #changed: () => void;
  /** Adjusted, and not yet part of a report. */
  readonly #pending = new Map<string, number>();
  #taking = 0;
  #adopted: LabelReport | null = null;

  constructor(transport: Transport, changed: () => void) {
    this.#transport = transport;
    this.#changed = changed;
  }

  /** Show the slice's report if it is a new one. */
  adopt(report: LabelReport | null): void {
    if (report === this.#adopted) return;
    this.#adopted = report;
    this.report = report;
  }

  of(row: LabelRow): number | null {
    return this.#pending.get(row.label) ?? row.threshold;
  }

  set(label: string, threshold: number): void {
    this.#pending.set(label, threshold);
    this.#changed();
    if (!this.#taking) this.#sendPending();
  }

  take(which: "tuned" | "half"): void {
    this.#pending.clear();
    this.#taking += 1;
    this.#send({ take: which }).finally(() => {
      this.#taking -= 1;
      // Adjusted in the meantime: sent at once, these would have replaced that request.
      if (!this.#taking && this.#pending.size) this.#sendPending();
    });
  }

  #sendPending(): void {
    // All of them, since a newer request drops the waiting one.
    this.#send({ set: Object.fromEntries(this.#pending) }).then((last) => {
      if (last) this.#pending.clear();
      this.#changed();
    });
  }

  /** Return whether no newer request has replaced this one. */
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
