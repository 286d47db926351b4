import { describe, expect, it } from "vitest";
import { FakeModel, packed, questionOf, run, settle, state, stats, storeOf } from "../model";

describe("the store", () => {
  function batch(from: number, next: number, more = {}) {
    return { type: "batch", run: 1, from, next, stats: stats(), examples: [], ...more };
  }

  it("appends batches in order", () => {
    const model = new FakeModel(state());
    const store = storeOf(model);
    model.trigger("msg:custom", batch(0, 1), [packed([1, 1, 0.9, 0])]);
    model.trigger("msg:custom", batch(1, 2, { examples: ["row"] }), [packed([2, 2, 0.8, 0])]);
    expect(store.live?.points.map((point) => point.loss.toFixed(1))).toEqual(["0.9", "0.8"]);
    expect(store.live?.examples).toEqual(["row"]);
  });

  it("requests missing events, and then has each of them once", async () => {
    const model = new FakeModel(state());
    const store = storeOf(model);
    model.trigger("msg:custom", batch(0, 1), [packed([1, 1, 0.9, 0])]);
    model.trigger("msg:custom", batch(2, 3), [packed([3, 3, 0.7, 0])]);
    expect(model.sent[0]).toMatchObject({ kind: "catch-up", payload: { run: 1, since: 1 } });
    model.reply(0, { batch: batch(1, 3) }, [packed([2, 2, 0.8, 0], [3, 3, 0.7, 0])]);
    await settle();
    expect(store.live?.points.map((point) => point.step)).toEqual([1, 2, 3]);
  });

  it("starts from the train slice, and again with a new run", () => {
    const curve = [{ seconds: 1, step: 1, loss: 0.9, split: "train" as const }];
    const model = new FakeModel(state({ train: { run: run({ next: 5, curve }) } }));
    const store = storeOf(model);
    model.trigger("msg:custom", batch(5, 6), [packed([2, 2, 0.8, 1])]);
    expect(store.live?.points).toHaveLength(2);
    const revision = store.live?.revision ?? 0;
    model.trigger("msg:custom", batch(0, 1, { run: 2 }), [packed([1, 1, 2, 0])]);
    expect(store.live?.points).toHaveLength(1);
    expect(store.live?.revision).toBeGreaterThan(revision);
  });

  it("becomes a static view when the kernel goes", () => {
    const model = new FakeModel(state());
    const store = storeOf(model);
    model.trigger("comm_live_update");
    model.trigger("comm:close");
    expect([store.alive, store.closed]).toEqual([false, false]);
    store.close();
    expect(model.listeners()).toBe(0);
    const other = new FakeModel(state());
    const closed = storeOf(other);
    other.trigger("comm:close");
    expect([closed.alive, closed.closed]).toEqual([false, true]);
  });

  it("emits only the topic of the trait that changed", () => {
    const model = new FakeModel(state());
    const store = storeOf(model);
    const topics = ["data", "task", "train", "query", "labels", "python", "live"] as const;
    const emitted: string[] = [];
    for (const topic of topics) store.subscribe(topic, () => emitted.push(topic));
    const question = questionOf();
    model.update({ ...state({ query: { question } }), python: "lm.fit()" });
    expect(emitted).toEqual(["python", "query"]);
    expect(store.slice("query").question).toEqual(question);
    expect(store.python).toBe("lm.fit()");
    model.update(state({ query: { question }, train: { run: run() } }));
    expect(emitted.slice(2)).toEqual(["python", "live", "train"]);
  });

  it("takes a slice that the kernel has not made as empty", () => {
    const model = new FakeModel({ ...state(), labels: {} as never });
    expect(storeOf(model).slice("labels").report).toBeUndefined();
  });
});
