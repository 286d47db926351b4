import { describe, expect, it } from "vitest";
import { sparkBars } from "../../src/ui/bars";

describe("bars of a distribution", () => {
  it("span bins, and are centered on single values", () => {
    const [bin] = sparkBars([{ value: 1, probability: 1, low: 0, high: 5, density: 0.2 }], 0, 10);
    expect(bin).toEqual({ left: 0, width: 0.5, height: 1 });
    expect(sparkBars([{ value: 10, probability: 1 }], 0, 10)[0]?.left).toBeCloseTo(0.875);
  });
});
