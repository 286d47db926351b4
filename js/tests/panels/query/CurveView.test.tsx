import { afterEach, describe, expect, it } from "vitest";
import { Curve } from "../../../src/inference/curve";
import type { Evidence, Swept } from "../../../src/inference/types";
import { CurveView, path, spread } from "../../../src/panels/query/CurveView";
import { clear, draw, host } from "../../bench";
import { answerSummary } from "../../model";

describe("the path of a line", () => {
  it("runs over the whole width, from the bottom up", () => {
    expect(path([0, 0.5, 1])).toBe("M0.0,100.00L500.0,50.00L1000.0,0.00");
    expect(path([0.25])).toBe("M0.0,75.00");
    expect(path([])).toBe("");
  });
});

describe("the names beside the lines", () => {
  const distances = (heights: number[]) => {
    const sorted = [...heights].sort((a, b) => a - b);
    return sorted.slice(1).map((height, i) => height - (sorted[i] ?? 0));
  };

  it("stay where they are if nothing overlaps", () => {
    expect(spread([0.9, 0.1, 0.5], 0.1)).toEqual([0.9, 0.1, 0.5]);
  });

  it("are kept apart, in their order, and within the drawing", () => {
    for (const heights of [
      [0, 0, 0, 0, 0],
      [1, 1, 1, 1, 1],
      [0.98, 0.5, 0.99, 0.52, 0],
    ]) {
      const placed = spread(heights);
      expect(Math.min(...distances(placed))).toBeGreaterThan(0.109);
      expect(Math.min(...placed)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...placed)).toBeLessThanOrEqual(1);
    }
    const [first, second, third] = spread([0.51, 0.5, 0.52]);
    expect(second).toBeLessThan(first ?? 0);
    expect(first).toBeLessThan(third ?? 0);
  });
});

describe("the view of a curve", () => {
  const words = [0, 1, 2].map(() => ({ headline: "", detail: "" }));
  const levels: Swept = {
    records: ["a", "b", "c", "d", "e", "f"].map((value) => ({ value, probability: 0 })),
    words,
    mean: null,
    low: null,
    high: null,
  };
  const view = (swept: Swept, rows: number[][], evidence: Evidence | null) => {
    const buffer = new DataView(new Float32Array(rows.flat()).buffer);
    const curve = new Curve("key", "g", "x", [10, 15, 20], swept, buffer);
    const given = { curve, evidence, answer: answerSummary() };
    draw(<CurveView {...given} names={["x", "g"]} />);
  };
  const texts = (of: string) => [...host.querySelectorAll(of)].map((one) => one.textContent);

  afterEach(clear);

  it("has a line for each of the leading levels, and marks the slider's place", () => {
    const rows = [
      [0.5, 0.1, 0.2, 0.1, 0.1, 0],
      [0.2, 0.4, 0.2, 0.1, 0.1, 0],
      [0.2, 0.2, 0.3, 0.2, 0.1, 0],
    ];
    view(levels, rows, { op: "is", value: 12.5 });
    expect(texts(".tw-curve-names span")).toEqual(["a", "b", "c", "d", "e"]);
    const [line] = host.querySelectorAll(".tw-curve-line");
    expect(line?.getAttribute("d")).toBe("M0.0,50.00L500.0,80.00L1000.0,80.00");
    expect(host.querySelector<HTMLElement>(".tw-curve-now")?.style.left).toBe("25%");
    expect(texts("figcaption")).toEqual(["probability over x"]);
  });

  it("marks no place outside the curve, or of a range", () => {
    const rows = [0, 1, 2].map(() => [1, 0, 0, 0, 0, 0]);
    view(levels, rows, { op: "is", value: 21 });
    expect(host.querySelector(".tw-curve-now")).toBeNull();
    clear();
    view(levels, rows, { op: "between", low: 11, high: 12, closed: "both" });
    expect(host.querySelector(".tw-curve-now")).toBeNull();
  });

  it("has the mean of a number inside its interval", () => {
    const swept = { records: [], words, mean: [2, 4, 6], low: [0, 2, 4], high: [4, 6, 8] };
    view(swept, [], null);
    expect(host.querySelector(".tw-curve-line")?.getAttribute("d")).toBe(
      "M0.0,75.00L500.0,50.00L1000.0,25.00",
    );
    expect(host.querySelector(".tw-curve-band")?.getAttribute("d")).toBe(
      "M0.0,50.00L500.0,25.00L1000.0,0.00L1000.0,50.00L500.0,75.00L0.0,100.00Z",
    );
    expect(texts(".tw-curve-side span")).toEqual(["8", "0"]);
    expect(host.querySelector(".tw-curve-names")).toBeNull();
  });
});
