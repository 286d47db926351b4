// Requests to the kernel and their answers: one envelope, newest wins where a slider is dragged.
import type { AnyModel } from "@anywidget/types";
import type { PictureMessage } from "./picture";
import type { BatchMessage, ReplyMessage, RequestKind, Requests } from "./protocol";

/** An error that the kernel reported, ready to be shown as it is. */
export class KernelError extends Error {}

/** An answer that nobody waits for any more. */
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
  // Two views of one widget share its messages, so the ids must differ between views.
  readonly #prefix = Math.random().toString(36).slice(2, 10);
  #count = 0;

  constructor(
    model: Model,
    onBatch: (batch: BatchMessage, buffers: readonly DataView[]) => void = () => {},
  ) {
    this.#model = model;
    this.#onBatch = onBatch;
    model.on("msg:custom", this.#receive);
  }

  /** Ask the kernel for one thing; rejects with a readable `KernelError`. */
  request<K extends RequestKind>(
    kind: K,
    payload: Payload<K>,
    buffers: ArrayBuffer[] = [],
  ): Promise<Reply<K>> {
    return this.#send(kind, payload, buffers).then(({ ok }) => ok as Reply<K>);
  }

  /** Like `request`, for an answer that comes with buffers. */
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
   * Ask with at most one request of this kind under way. While it is, only the newest further one
   * is kept; those it replaces, and an answer that a newer question has overtaken, reject with
   * `Superseded`.
   */
  latest<K extends RequestKind>(kind: K, payload: Payload<K>): Promise<Reply<K>> {
    const lane = this.#lanes.get(kind) ?? { busy: false, next: null, drop: null };
    this.#lanes.set(kind, lane);
    return new Promise((resolve, reject) => {
      const start = () => {
        lane.busy = true;
        lane.next = null;
        lane.drop = null;
        this.request(kind, payload)
          .then(
            (ok) => (lane.next ? reject(new Superseded()) : resolve(ok)),
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

  /** Whether a `latest` request of this kind is under way or waits. */
  busy(kind: RequestKind): boolean {
    return this.#lanes.get(kind)?.busy ?? false;
  }

  /** Reject whatever still waits, for instance because the kernel has gone. */
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
