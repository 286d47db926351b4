import { describe, expect, it } from "vitest";
import { lineOf } from "../../../src/inference/ranges";
import { positionsOf } from "../../../src/panels/columns/NumberControl";
import { column } from "../../model";

describe("the positions of a slider", () => {
  const of = (low: number, high: number, integer = false) =>
    positionsOf(lineOf(column("x", { low, high, integer })));

  it("are round, from end to end", () => {
    expect(of(0, 4, true)).toEqual([0, 1, 2, 3, 4]);
    const all = of(32.1, 59.6);
    expect([all[0], all[1], all.at(-1), all.length]).toEqual([32, 32.2, 59.6, 139]);
    expect(Math.max(...all.map((one) => String(one).length))).toBe(4);
    expect(of(-1e6, 1e6)).toHaveLength(201);
  });

  it("are none for a single value, or where there are more than pixels", () => {
    expect(of(3, 3, true)).toEqual([]);
    expect(positionsOf({ low: 0, high: 1000, step: 1, date: false })).toEqual([]);
  });
});
