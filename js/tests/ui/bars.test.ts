import { describe, expect, it } from "vitest";
import type { DistributionRecord } from "../../src/inference/types";
import { sparkBars } from "../../src/ui/bars";

describe("bars of a distribution", () => {
  it("of dates with few distinct values are placed at these dates", () => {
    const records = ["2020-01-01 00:00:00", "2020-01-31 00:00:00"].map((value) => ({
      value,
      probability: 0.5,
    }));
    const low = Date.UTC(2020, 0, 1) / 1000;
    const bars = sparkBars(records, low, low + 60 * 86400);
    expect(bars.map((bar) => [bar.left, bar.height])).toEqual([
      [0, 1],
      [0.5 - 1 / 16, 1],
    ]);
  });

  it("are left out where a value has no place", () => {
    const strange = [
      { value: "no date", probability: 0.5 },
      { value: null, probability: Number.NaN },
      { value: 5, probability: 0.5 },
    ] as unknown as DistributionRecord[];
    expect(sparkBars(strange, 0, 10)).toHaveLength(1);
    expect(sparkBars([{ value: 5, probability: 1 }], Number.NaN, 10)).toEqual([]);
  });

  it("span bins, and are centered on single values", () => {
    const [bin] = sparkBars([{ value: 1, probability: 1, low: 0, high: 5, density: 0.2 }], 0, 10);
    expect(bin).toEqual({ left: 0, width: 0.5, height: 1 });
    expect(sparkBars([{ value: 10, probability: 1 }], 0, 10)[0]?.left).toBeCloseTo(0.875);
  });
});
