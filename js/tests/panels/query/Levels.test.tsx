import { describe, expect, it } from "vitest";
import { condensed } from "../../../src/panels/query/Levels";

describe("a distribution of many levels", () => {
  it("keeps the most likely in their order and sums the rest", () => {
    const records = Array.from({ length: 50 }, (_, i) => ({
      value: `v${i}`,
      probability: i / 1225,
    }));
    const bars = condensed(records, null);
    expect(bars).toHaveLength(16);
    expect(bars[0]?.record.value).toBe("v35");
    expect(bars.at(-1)?.record.value).toBe("35 others");
    expect(bars.reduce((sum, bar) => sum + bar.record.probability, 0)).toBeCloseTo(1);
  });

  it("puts the rows' shares beside the bars that they belong to", () => {
    const records = [
      { value: "a", probability: 0.9 },
      { value: "b", probability: 0.1 },
    ];
    const matching = {
      rows: 9,
      matching: 4,
      shares: [0.75, 0.25],
      low: [0.4, 0.1],
      high: [0.9, 0.6],
    };
    expect(condensed(records, matching)[1]?.data).toEqual({ share: 0.25, low: 0.1, high: 0.6 });
    const none = { rows: 9, matching: 0, shares: null, low: null, high: null };
    expect(condensed(records, none)[1]?.data).toBeNull();
  });
});
