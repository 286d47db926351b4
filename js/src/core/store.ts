// What one view knows: the kernel's snapshot, the streamed run, and whether the kernel is there.
import type { AnyModel } from "@anywidget/types";
import { useEffect, useState } from "preact/hooks";
import { arrival, decodePoints } from "./batches";
import { type PictureMessage, updatePictures } from "./picture";
import type { BatchMessage, CurvePoint, RunStats, Snapshot } from "./protocol";
import { Transport } from "./transport";

/** The snapshot travels in three parts, so that an answer does not carry the table along. */
export interface WidgetState {
  table: Snapshot["table"];
  run: Snapshot["run"];
  state: Omit<Snapshot, "table" | "run">;
  panels: string[];
  static_id: string;
}

/** The run as streamed so far. `revision` grows when points were replaced rather than appended. */
export interface LiveRun {
  number: number;
  next: number;
  points: CurvePoint[];
  revision: number;
  stats: RunStats;
  examples: string[];
}

const PARTS = ["table", "run", "state"] as const;

function snapshotOf(model: AnyModel<WidgetState>): Snapshot {
  return { ...model.get("state"), table: model.get("table"), run: model.get("run") };
}

// A curve of more points than this looks the same and costs more.
const MAX_POINTS = 4000;

export class Store {
  readonly transport: Transport;
  readonly panels: readonly string[];
  snapshot: Snapshot;
  live: LiveRun | null = null;
  alive = true;
  readonly #model: AnyModel<WidgetState>;
  readonly #listeners = new Set<() => void>();
  #catchingUp = false;

  constructor(model: AnyModel<WidgetState>) {
    this.#model = model;
    this.panels = model.get("panels");
    this.snapshot = snapshotOf(model);
    this.transport = new Transport(model, (batch, buffers) => this.#onBatch(batch, buffers));
    this.#adoptRun();
    for (const part of PARTS) model.on(`change:${part}`, this.#onSnapshot);
    model.on("msg:custom", this.#onPicture);
    model.on("comm_live_update", this.#onGone);
    model.on("comm:close", this.#onGone);
    model.on("destroy", this.#onGone);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const part of PARTS) this.#model.off(`change:${part}`, this.#onSnapshot);
    this.#model.off("msg:custom", this.#onPicture);
    this.#model.off("comm_live_update", this.#onGone);
    this.#model.off("comm:close", this.#onGone);
    this.#model.off("destroy", this.#onGone);
    this.#listeners.clear();
    this.transport.close();
  }

  #emit(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  readonly #onSnapshot = (): void => {
    this.snapshot = snapshotOf(this.#model);
    this.#adoptRun();
    this.#emit();
  };

  readonly #onPicture = (message: PictureMessage): void => {
    if (message.type !== "picture") return;
    updatePictures(this.#model.widget_manager, this.#model.get("static_id"), message);
  };

  readonly #onGone = (): void => {
    if (!this.alive) return;
    this.alive = false;
    this.transport.abandon("the kernel has gone: run the cell again");
    this.#emit();
  };

  /** Take the run from the snapshot where the stream has not brought it further. */
  #adoptRun(): void {
    const run = this.snapshot.run;
    if (!run) {
      this.live = null;
      return;
    }
    const { number, next, curve, examples, ...stats } = run;
    if (!this.live || number > this.live.number) {
      const revision = (this.live?.revision ?? 0) + 1;
      this.live = { number, next, points: [...curve], revision, stats, examples };
    } else if (number === this.live.number && next >= this.live.next) {
      this.live = { ...this.live, stats };
    }
  }

  #onBatch(batch: BatchMessage, buffers: readonly DataView[]): void {
    const known = this.live ? { run: this.live.number, next: this.live.next } : null;
    const verdict = arrival(known, batch);
    if (verdict === "stale") return;
    if (verdict === "gap") {
      void this.#catchUp(batch.run);
      return;
    }
    this.#append(batch, decodePoints(buffers[0]), verdict === "new run");
  }

  #append(batch: BatchMessage, points: CurvePoint[], fresh: boolean): void {
    const old = this.live;
    const held = fresh || !old ? [] : old.points;
    let revision = (old?.revision ?? 0) + (fresh ? 1 : 0);
    let all = points.length ? held.concat(points) : held;
    if (all.length > MAX_POINTS) {
      all = all.filter((point, i) => i % 2 === 0 || point.split === "validation");
      revision += 1;
    }
    this.live = {
      number: batch.run,
      next: batch.next,
      points: all,
      revision,
      stats: batch.stats,
      examples: batch.examples.length ? batch.examples : fresh || !old ? [] : old.examples,
    };
    this.#emit();
  }

  /** Ask for what is missing of a run. */
  async #catchUp(run: number): Promise<void> {
    if (this.#catchingUp) return;
    this.#catchingUp = true;
    try {
      const since = this.live?.number === run ? this.live.next : 0;
      const { ok, buffers } = await this.transport.requestWithBuffers("catch-up", { run, since });
      if (ok.batch) this.#append(ok.batch, decodePoints(buffers[0]), since === 0);
    } catch {
      // The next batch shows the gap again, and asks again.
    } finally {
      this.#catchingUp = false;
    }
  }
}

/** Draw again whenever the store changes. */
export function useStore(store: Store): Store {
  const [, draw] = useState(0);
  useEffect(() => store.subscribe(() => draw((n) => n + 1)), [store]);
  return store;
}
