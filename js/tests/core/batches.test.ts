import { describe, expect, it } from "vitest";
import { arrival, decodePoints } from "../../src/core/batches";
import { Store } from "../../src/core/store";
import { FakeModel, packed, settle, snapshot, stats } from "../model";

describe("decoding", () => {
  it("reads points and leaves out what is not a number", () => {
    const view = packed([0.5, 1, 1.25, 0], [0.6, 2, Number.NaN, 0], [0.75, 3, 0.5, 1]);
    expect(decodePoints(view)).toEqual([
      { seconds: 0.5, step: 1, loss: 1.25, split: "train" },
      { seconds: 0.75, step: 3, loss: 0.5, split: "validation" },
    ]);
  });

  it("reads a view that does not begin at the start of its buffer", () => {
    const whole = new Float32Array([9, 9, 1, 2, 3, 0]);
    expect(decodePoints(new DataView(whole.buffer, 8))).toEqual([
      { seconds: 1, step: 2, loss: 3, split: "train" },
    ]);
  });

  it("takes no buffer for no points", () => {
    expect(decodePoints(undefined)).toEqual([]);
  });
});

describe("arrival", () => {
  const known = { run: 2, next: 10 };
  it.each([
    [{ run: 2, from: 10, next: 12 }, "take"],
    [{ run: 2, from: 10, next: 10 }, "take"],
    [{ run: 2, from: 12, next: 14 }, "gap"],
    [{ run: 2, from: 8, next: 12 }, "gap"],
    [{ run: 2, from: 4, next: 8 }, "stale"],
    [{ run: 1, from: 90, next: 99 }, "stale"],
    [{ run: 3, from: 0, next: 4 }, "new run"],
    [{ run: 3, from: 4, next: 8 }, "gap"],
  ])("%j is %s", (batch, verdict) => {
    expect(arrival(known, batch)).toBe(verdict);
  });
});

describe("the store", () => {
  function batch(from: number, next: number, more = {}) {
    return { type: "batch", run: 1, from, next, stats: stats(), examples: [], ...more };
  }

  it("appends batches in order", () => {
    const model = new FakeModel(snapshot());
    const store = new Store(model.any);
    model.trigger("msg:custom", batch(0, 1), [packed([1, 1, 0.9, 0])]);
    model.trigger("msg:custom", batch(1, 2, { examples: ["row"] }), [packed([2, 2, 0.8, 0])]);
    expect(store.live?.points.map((point) => point.loss.toFixed(1))).toEqual(["0.9", "0.8"]);
    expect(store.live?.examples).toEqual(["row"]);
  });

  it("asks for what is missing and then has it all once", async () => {
    const model = new FakeModel(snapshot());
    const store = new Store(model.any);
    model.trigger("msg:custom", batch(0, 1), [packed([1, 1, 0.9, 0])]);
    model.trigger("msg:custom", batch(2, 3), [packed([3, 3, 0.7, 0])]);
    expect(model.sent[0]).toMatchObject({ kind: "catch-up", payload: { run: 1, since: 1 } });
    model.reply(0, { batch: batch(1, 3) }, [packed([2, 2, 0.8, 0], [3, 3, 0.7, 0])]);
    await settle();
    expect(store.live?.points.map((point) => point.step)).toEqual([1, 2, 3]);
  });

  it("begins from the snapshot, and anew with a new run", () => {
    const curve = [{ seconds: 1, step: 1, loss: 0.9, split: "train" as const }];
    const run = { ...stats(), number: 1, next: 5, curve, examples: [] };
    const model = new FakeModel(snapshot({ run }));
    const store = new Store(model.any);
    model.trigger("msg:custom", batch(5, 6), [packed([2, 2, 0.8, 1])]);
    expect(store.live?.points).toHaveLength(2);
    const revision = store.live?.revision ?? 0;
    model.trigger("msg:custom", batch(0, 1, { run: 2 }), [packed([1, 1, 2, 0])]);
    expect(store.live?.points).toHaveLength(1);
    expect(store.live?.revision).toBeGreaterThan(revision);
  });

  it("becomes a static view when the kernel goes", () => {
    const model = new FakeModel(snapshot());
    const store = new Store(model.any);
    model.trigger("comm_live_update");
    expect(store.alive).toBe(false);
    store.close();
    expect(model.listeners()).toBe(0);
  });
});
