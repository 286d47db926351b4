import { afterEach, describe, expect, it } from "vitest";
import type { Level } from "../../../src/core/table";
import type { Matching } from "../../../src/inference/types";
import { Density, extent } from "../../../src/panels/query/Density";
import { clear, draw, host } from "../../bench";

describe("the extent of a distribution", () => {
  it("is that of its bins, or of its values", () => {
    const bins = [
      { value: 1.5, probability: 0.5, low: 1, high: 2 },
      { value: 6, probability: 0.5, low: 2, high: 10 },
    ];
    expect(extent(bins, false)).toEqual([1, 10]);
    expect(
      extent(
        [3, -1].map((value) => ({ value, probability: 0.5 })),
        false,
      ),
    ).toEqual([-1, 3]);
  });

  it("reads dates, and leaves out what is none", () => {
    const dates = ["1970-01-02", "1970-01-03T00:00:00", "never"];
    expect(
      extent(
        dates.map((value) => ({ value, probability: 0.5 })),
        true,
      ),
    ).toEqual([86_400, 172_800]);
    expect(extent([], true)).toEqual([0, 1]);
  });
});

describe("the drawing of a distribution", () => {
  const records = [
    { value: 1, probability: 0.5, low: 0, high: 2, density: 0.25 },
    { value: 3, probability: 0.5, low: 2, high: 4, density: 0.25 },
  ];
  const view = (matching: Matching | null, observed: Level | null = null) =>
    draw(
      <Density
        target="x"
        names={["x"]}
        date={false}
        records={records}
        matching={matching}
        observed={observed}
      />,
    );
  const heights = (kind: string) =>
    [
      ...(host.querySelector(`.tw-density-${kind}`)?.getAttribute("d") ?? "").matchAll(
        /v-([\d.]+)/g,
      ),
    ].map(([, height]) => Number(height));

  afterEach(clear);

  it("has one scale for what is predicted and for the rows that match", () => {
    view({ rows: 9, matching: 4, shares: [0.25, 0.75], low: null, high: null });
    const [first, second] = heights("data");
    expect([first, second]).toEqual([33.3, 100]);
    expect(heights("model")).toEqual([66.7, 66.7]);
    clear();
    view({ rows: 9, matching: 0, shares: null, low: null, high: null });
    expect([heights("data"), heights("model")]).toEqual([[], [100, 100]]);
  });

  it("marks the value of the selected row", () => {
    view(null, 3);
    expect(host.querySelector<HTMLElement>(".tw-observed-line")?.style.left).toBe("75%");
    clear();
    view(null);
    expect(host.querySelector(".tw-observed-line")).toBeNull();
  });
});
