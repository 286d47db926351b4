import { describe, expect, it, vi } from "vitest";
import { KernelError, Superseded, Transport } from "../../src/core/transport";
import { FakeModel, settle, state } from "../model";

function setup() {
  const model = new FakeModel(state());
  return { model, transport: new Transport(model.any) };
}

describe("requests", () => {
  it("pairs each reply with its request", async () => {
    const { model, transport } = setup();
    const first = transport.request("stop", {});
    const second = transport.request("frames", {});
    model.reply(1, { frames: [] });
    model.reply(0, { status: "stopped" });
    expect(await first).toEqual({ status: "stopped" });
    expect(await second).toEqual({ frames: [] });
  });

  it("rejects with the kernel's message", async () => {
    const { model, transport } = setup();
    const asked = transport.request("ask", { formula: "x |" });
    model.fail(0, "expected a column");
    await expect(asked).rejects.toThrow(new KernelError("expected a column"));
  });

  it("gives two views of one model different ids", () => {
    const model = new FakeModel(state());
    void new Transport(model.any).request("stop", {});
    void new Transport(model.any).request("stop", {});
    expect(model.sent[0]?.id).not.toBe(model.sent[1]?.id);
  });

  it("rejects pending requests when the kernel is gone", async () => {
    const { transport } = setup();
    const asked = transport.request("stop", {});
    transport.abandon("gone");
    await expect(asked).rejects.toThrow("gone");
  });

  it("removes its listeners when closed", () => {
    const { model, transport } = setup();
    transport.close();
    expect(model.listeners()).toBe(0);
  });
});

describe("a dragged slider", () => {
  it("has one request at a time, keeps only the newest, and drops stale replies", async () => {
    const { model, transport } = setup();
    const answered = vi.fn();
    const dropped = vi.fn();
    for (const x of ["1", "2", "3", "4"]) {
      transport.latest("ask", { formula: x }).then(answered, dropped);
    }
    expect(model.sent.map((one) => one.payload.formula)).toEqual(["1"]);
    model.reply(0, "first");
    await settle();
    expect(model.sent.map((one) => one.payload.formula)).toEqual(["1", "4"]);
    model.reply(1, "newest");
    await settle();
    expect(answered).toHaveBeenCalledExactlyOnceWith("newest");
    expect(dropped).toHaveBeenCalledTimes(3);
    expect(dropped.mock.calls.every(([error]) => error instanceof Superseded)).toBe(true);
  });

  it("continues after an error", async () => {
    const { model, transport } = setup();
    const bad = transport.latest("ask", { formula: "bad" });
    model.fail(0, "no");
    await expect(bad).rejects.toThrow("no");
    const good = transport.latest("ask", { formula: "good" });
    model.reply(1, "yes");
    expect(await good).toBe("yes");
  });

  it("tells when nothing has come for long", async () => {
    const model = new FakeModel(state());
    const transport = new Transport(model.any);
    expect(transport.silent(0)).toBe(false);
    const reply = transport.request("frames", {});
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([transport.silent(20), transport.silent(5000)]).toEqual([true, false]);
    model.reply(0, { frames: [] });
    await reply;
    expect(transport.silent(20)).toBe(false);
  });
});
