// Requests to the kernel and their replies; of a dragged slider's requests the newest wins.
import type { AnyModel } from "@anywidget/types";
import type { PictureMessage } from "./picture";
import type { BatchMessage, ReplyMessage, RequestKind, Requests } from "./protocol";

/** An error reported by the kernel, in words for the user. */
export class KernelError extends Error {}

/** The request was replaced by a newer one. */
export class Superseded extends Error {}

type Reply<K extends RequestKind> = Requests[K]["ok"];
type Payload<K extends RequestKind> = Requests[K]["payload"];

interface Waiting {
  resolve(value: unknown, buffers: readonly DataView[]): void;
  reject(error: Error): void;
}

interface Lane {
  busy: boolean;
  next: (() => void) | null;
  drop: (() => void) | null;
}

type Model = Pick<AnyModel, "send" | "on" | "off">;

export class Transport {
  readonly #model: Model;
  readonly #waiting = new Map<string, Waiting>();
  readonly #lanes = new Map<string, Lane>();
  readonly #onBatch: (batch: BatchMessage, buffers: readonly DataView[]) => void;
  // Views of one widget share its messages, so ids must differ between views.
  readonly #prefix = Math.random().toString(36).slice(2, 10);
  #count = 0;
  #askedAt = 0;
  #heardAt = 0;

  constructor(
    model: Model,
    onBatch: (batch: BatchMessage, buffers: readonly DataView[]) => void = () => {},
  ) {
    this.#model = model;
    this.#onBatch = onBatch;
    model.on("msg:custom", this.#receive);
  }

  /** Send a request; rejects with `KernelError`. */
  request<K extends RequestKind>(
    kind: K,
    payload: Payload<K>,
    buffers: ArrayBuffer[] = [],
  ): Promise<Reply<K>> {
    return this.#send(kind, payload, buffers).then(({ ok }) => ok as Reply<K>);
  }

  /** Like `request`, for replies with buffers. */
  requestWithBuffers<K extends RequestKind>(
    kind: K,
    payload: Payload<K>,
  ): Promise<{ ok: Reply<K>; buffers: readonly DataView[] }> {
    return this.#send(kind, payload, []).then(({ ok, buffers }) => ({
      ok: ok as Reply<K>,
      buffers,
    }));
  }

  /**
   * Send at most one request of this kind at a time. Of those made meanwhile only the newest is
   * kept and sent next; all others reject with `Superseded`. With `every`, a reply to one that was
   * sent counts even if a newer request is waiting.
   */
  latest<K extends RequestKind>(kind: K, payload: Payload<K>, every = false): Promise<Reply<K>> {
    const lane = this.#lanes.get(kind) ?? { busy: false, next: null, drop: null };
    this.#lanes.set(kind, lane);
    return new Promise((resolve, reject) => {
      const start = () => {
        lane.busy = true;
        lane.next = null;
        lane.drop = null;
        this.request(kind, payload)
          .then(
            (ok) => (lane.next && !every ? reject(new Superseded()) : resolve(ok)),
            (error: Error) => reject(lane.next ? new Superseded() : error),
          )
          .finally(() => {
            lane.busy = false;
            lane.next?.();
          });
      };
      if (!lane.busy) return start();
      lane.drop?.();
      lane.next = start;
      lane.drop = () => reject(new Superseded());
    });
  }

  /** Whether a request has waited for so long, and nothing has come meanwhile. */
  silent(milliseconds: number): boolean {
    if (!this.#waiting.size) return false;
    return performance.now() > Math.max(this.#heardAt, this.#askedAt) + milliseconds;
  }

  /** Reject all pending requests, for instance because the kernel is gone. */
  abandon(reason: string): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.reject(new KernelError(reason));
  }

  close(): void {
    this.#model.off("msg:custom", this.#receive);
    this.abandon("the panel was closed");
  }

  #send(
    kind: string,
    payload: object,
    buffers: ArrayBuffer[],
  ): Promise<{ ok: unknown; buffers: readonly DataView[] }> {
    this.#count += 1;
    // Of those that wait, the first counts.
    if (!this.#waiting.size) this.#askedAt = performance.now();
    const id = `${this.#prefix}-${this.#count}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (ok, got) => resolve({ ok, buffers: got }), reject });
      this.#model.send({ id, kind, payload }, undefined, buffers);
    });
  }

  readonly #receive = (
    message: ReplyMessage | BatchMessage | PictureMessage,
    buffers: readonly DataView[] = [],
  ): void => {
    this.#heardAt = performance.now();
    if (message.type === "batch") {
      this.#onBatch(message, buffers);
      return;
    }
    if (message.type !== "reply") return;
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    if (message.error !== undefined) waiting.reject(new KernelError(message.error));
    else waiting.resolve(message.ok, buffers);
  };
}
