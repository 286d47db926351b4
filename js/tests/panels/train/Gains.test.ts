import { describe, expect, it } from "vitest";
import { bars, verdict } from "../../../src/panels/train/Gains";

const gains = (...nats: (number | null)[]) => nats.map((n, i) => ({ column: `c${i}`, nats: n }));

describe("what training added", () => {
  it("is drawn from an axis at zero, and a small gain fills a part of the track only", () => {
    expect(bars(gains(0.4, 0.1, 0))).toEqual([
      { left: 0, width: 1 },
      { left: 0, width: 0.25 },
      { left: 0, width: 0 },
    ]);
    expect(bars(gains(0.05, null)).map((bar) => bar.width)).toEqual([0.5, 0]);
    const [worse, better] = bars(gains(-0.25, 0.75));
    expect([worse?.left, worse?.width]).toEqual([0, 0.25]);
    expect([better?.left, better?.width]).toEqual([0.25, 0.75]);
  });

  it("is summed up without flattery", () => {
    expect(verdict(gains(0.4, 0.2))).toBe(
      "Training improved every column; +0.30 nats per cell over all.",
    );
    expect(verdict(gains(0.4, 0.001, null, -0.2))).toBe(
      "Training improved 1 of 3 measured columns; +0.07 nats per cell over all.",
    );
    expect(verdict(gains(0, 0.004))).toContain("nothing measurable");
  });
});
