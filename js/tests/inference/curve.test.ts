import { describe, expect, it } from "vitest";
import { Curve } from "../../src/inference/curve";
import type { DistributionRecord } from "../../src/inference/types";

/** Rows are positions; the buffer of a message may start anywhere. */
function packed(rows: number[][]): DataView {
  const floats = new Uint8Array(new Float32Array(rows.flat()).buffer);
  const all = new Uint8Array(floats.length + 3);
  all.set(floats, 3);
  return new DataView(all.buffer, 3);
}

function curve(
  records: DistributionRecord[],
  rows: number[][],
  positions = rows.map((_, i) => 10 + i / 2),
): Curve {
  const words = rows.map((_, i) => ({ headline: `at ${i}`, detail: "" }));
  const swept = { records, words, mean: null, low: null, high: null };
  return new Curve("key", "g", "x", positions, swept, packed(rows));
}

const levels = (...values: string[]) => values.map((value) => ({ value, probability: 0 }));

describe("a curve", () => {
  const rows = [
    [0.5, 0.25, 0.25],
    [0.25, 0.5, 0.25],
    [0.125, 0.125, 0.75],
  ];
  const found = curve(levels("a", "b", "c"), rows);

  it("has a probability at each position for each record", () => {
    expect(rows.map((row, i) => row.map((_, j) => found.probability(i, j)))).toEqual(rows);
    expect(found.probability(3, 0)).toBeNaN();
  });

  it("gives the answer at the nearest position, and none beyond its ends", () => {
    const at = (value: number) => found.at(value)?.headline ?? null;
    expect([10, 10.2, 10.3, 11].map(at)).toEqual(["at 0", "at 0", "at 1", "at 2"]);
    expect([9.7, 11.3, Number.NaN].map(at)).toEqual([null, null, null]);
    // Nor between positions that are further apart.
    expect(curve(levels("a", "b", "c"), rows, [0, 1, 3]).at(2)).toBeNull();
    expect(found.at(11)?.records).toEqual([
      { value: "a", probability: 0.125 },
      { value: "b", probability: 0.125 },
      { value: "c", probability: 0.75 },
    ]);
  });

  it("gives each bin its density", () => {
    const bins = [
      { value: 1, probability: 0, low: 0, high: 2 },
      { value: 2.5, probability: 0, low: 2, high: 3 },
    ];
    const records = curve(bins, [[0.5, 0.25]], [7]).at(7)?.records;
    expect(records?.map(({ density }) => density)).toEqual([0.25, 0.25]);
  });

  it("has one position only, or none", () => {
    const single = curve(levels("a"), [[1]], [7]);
    expect([single.at(7)?.headline, single.at(7.1)]).toEqual(["at 0", null]);
    const swept = { records: [], words: [], mean: null, low: null, high: null };
    expect(new Curve("key", "g", "x", [], swept, undefined).at(7)).toBeNull();
  });

  it("names the records that are most probable anywhere, in their order", () => {
    expect(found.leading(2)).toEqual([0, 2]);
    expect(found.leading(1)).toEqual([2]);
    expect(found.leading(9)).toEqual([0, 1, 2]);
  });
});
