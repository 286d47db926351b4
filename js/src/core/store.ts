// State of one view: the kernel's slices, the streamed run, and whether the kernel is there.
import type { AnyModel } from "@anywidget/types";
import { useEffect, useState } from "preact/hooks";
import { arrival, decodePoints } from "./batches";
import { type PictureMessage, updatePictures } from "./picture";
import type {
  BatchMessage,
  CurvePoint,
  RunStats,
  SliceName,
  Slices,
  WidgetState,
} from "./protocol";
import { Transport } from "./transport";

/** The run as streamed so far. `revision` grows when points were replaced rather than appended. */
export interface LiveRun {
  number: number;
  next: number;
  points: CurvePoint[];
  revision: number;
  stats: RunStats;
  examples: string[];
}

/** What a view can follow. */
export type Topic = SliceName | "python" | "live" | "alive";

/** The trait that carries a panel's slice. */
export function traitOf<K extends SliceName>(name: K): `${K}_slice` {
  return `${name}_slice`;
}

// More points look the same and cost more.
const MAX_POINTS = 4000;

export class Store {
  readonly transport: Transport;
  readonly panels: readonly string[];
  readonly framed: boolean;
  live: LiveRun | null = null;
  /** Somebody answers: the kernel is there, and the widget was not closed. */
  alive = true;
  /** It was closed in Python, while the kernel is there. */
  closed = false;
  readonly #model: AnyModel<WidgetState>;
  readonly #listeners = new Map<Topic, Set<() => void>>();
  /** Events of the model and what handles them. */
  readonly #handlers: [string, (message: PictureMessage) => void][] = [];
  #catchingUp = false;

  /** `slices` are the names of those to follow. */
  constructor(model: AnyModel<WidgetState>, slices: readonly SliceName[]) {
    this.#model = model;
    this.panels = model.get("panels");
    this.framed = model.get("framed");
    this.transport = new Transport(model, (batch, buffers) => this.#onBatch(batch, buffers));
    this.#adoptRun();
    for (const topic of [...slices, "python"] as const) {
      this.#on(`change:${topic === "python" ? topic : traitOf(topic)}`, () => {
        if (topic === "train") this.#adoptRun();
        this.#emit(topic);
      });
    }
    this.#on("msg:custom", (message) => {
      if (message.type !== "picture") return;
      updatePictures(model.widget_manager, model.get("static_id"), message);
    });
    this.#on("comm_live_update", () => this.#end("the kernel is gone: run the cell again"));
    for (const event of ["comm:close", "destroy"]) {
      this.#on(event, () => {
        // A kernel that ends closes its widgets after the update.
        this.closed ||= this.alive;
        this.#end("the panel was closed: make a new one");
      });
    }
  }

  /** A panel's slice; empty until the kernel makes it. */
  slice<K extends SliceName>(name: K): Partial<Slices[K]> {
    return (this.#model.get(traitOf(name)) as Slices[K] | undefined) ?? {};
  }

  /** The session as Python code. */
  get python(): string {
    return this.#model.get("python");
  }

  /** Tell the kernel which answer is on the screen. */
  sawAnswer(number: number): void {
    if (!this.alive || this.#model.get("seen") === number) return;
    this.#model.set("seen", number);
    this.#model.save_changes();
  }

  subscribe(topic: Topic, listener: () => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  close(): void {
    for (const [event, handler] of this.#handlers) this.#model.off(event, handler);
    this.#listeners.clear();
    this.transport.close();
  }

  #on(event: string, handler: (message: PictureMessage) => void): void {
    this.#handlers.push([event, handler]);
    this.#model.on(event, handler);
  }

  #emit(topic: Topic): void {
    for (const listener of [...(this.#listeners.get(topic) ?? [])]) listener();
  }

  #end(reason: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.transport.abandon(reason);
    this.#emit("alive");
  }

  /** Take the run from the slice, unless the stream is ahead of it. */
  #adoptRun(): void {
    const { run } = this.slice("train");
    if (!run) this.live = null;
    else {
      const { number, next, curve, examples, ...stats } = run;
      if (!this.live || number > this.live.number) {
        const revision = (this.live?.revision ?? 0) + 1;
        this.live = { number, next, points: [...curve], revision, stats, examples };
      } else if (number === this.live.number && next >= this.live.next) {
        this.live = { ...this.live, stats };
      }
    }
    this.#emit("live");
  }

  #onBatch(batch: BatchMessage, buffers: readonly DataView[]): void {
    const expected = this.live ? { run: this.live.number, next: this.live.next } : null;
    const verdict = arrival(expected, batch);
    if (verdict === "stale") return;
    if (verdict === "gap") {
      void this.#catchUp(batch.run);
      return;
    }
    this.#append(batch, decodePoints(buffers[0]), verdict === "new run");
  }

  #append(batch: BatchMessage, points: CurvePoint[], fresh: boolean): void {
    const old = fresh ? null : this.live;
    const earlier = old?.points ?? [];
    let revision = (this.live?.revision ?? 0) + (fresh ? 1 : 0);
    let all = points.length ? earlier.concat(points) : earlier;
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
      examples: batch.examples.length ? batch.examples : (old?.examples ?? []),
    };
    this.#emit("live");
  }

  /** Request the missing events of a run. */
  async #catchUp(run: number): Promise<void> {
    if (this.#catchingUp) return;
    this.#catchingUp = true;
    try {
      const since = this.live?.number === run ? this.live.next : 0;
      const { ok, buffers } = await this.transport.requestWithBuffers("catch-up", { run, since });
      if (ok.batch) this.#append(ok.batch, decodePoints(buffers[0]), since === 0);
    } catch {
      // The next batch shows the gap again and repeats the request.
    } finally {
      this.#catchingUp = false;
    }
  }
}

/** The newest value of `read`, drawn again at each change of the topic. */
function useTopic<T>(store: Store, topic: Topic, read: () => T): T {
  const [value, setValue] = useState(read);
  useEffect(() => {
    const update = () => setValue(read);
    // It may have changed between drawing and subscribing.
    update();
    return store.subscribe(topic, update);
  }, [store, topic]);
  return value;
}

/** Make an object once, and draw again whenever it calls `changed`. */
export function useObject<T>(make: (changed: () => void) => T): T {
  const [, draw] = useState(0);
  const [object] = useState(() => make(() => draw((n) => n + 1)));
  return object;
}

export function useSlice<K extends SliceName>(store: Store, name: K): Partial<Slices[K]> {
  return useTopic(store, name, () => store.slice(name));
}

export function usePython(store: Store): string {
  return useTopic(store, "python", () => store.python);
}

export function useLive(store: Store): LiveRun | null {
  return useTopic(store, "live", () => store.live);
}

export function useAlive(store: Store): boolean {
  return useTopic(store, "alive", () => store.alive);
}
