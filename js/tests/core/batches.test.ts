import { describe, expect, it } from "vitest";
import { arrival, decodePoints } from "../../src/core/batches";
import { packed } from "../model";

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

  it("decodes a missing buffer as no points", () => {
    expect(decodePoints(undefined)).toEqual([]);
  });
});

describe("arrival", () => {
  const expected = { run: 2, next: 10 };
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
    expect(arrival(expected, batch)).toBe(verdict);
  });
});
