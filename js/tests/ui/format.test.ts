import { describe, expect, it } from "vitest";
import { brightness } from "../../src/core/theme";
import { sparkBars } from "../../src/ui/bars";
import { fitted } from "../../src/ui/chart";
import { colorOf, HUES, hueOf } from "../../src/ui/colors";
import { milliseconds, number, seconds, share, snap, step } from "../../src/ui/format";

describe("numbers", () => {
  it.each([
    [0, "0"],
    [39.1, "39.1"],
    [4207.056, "4207"],
    [123456.7, "123,457"],
    [0.00001234, "1.23e-5"],
    [Number.NaN, "–"],
    [null, "–"],
  ])("%s reads %s", (value, text) => {
    expect(number(value)).toBe(text);
  });

  it("writes shares without pretending certainty", () => {
    expect([share(0.5), share(0.012), share(0.0001), share(0.9999), share(1)]).toEqual([
      "50%",
      "1.2%",
      "<0.1%",
      ">99.9%",
      "100%",
    ]);
  });

  it("writes times", () => {
    expect([seconds(3.21), seconds(42), seconds(125), milliseconds(0.0042)]).toEqual([
      "3.2 s",
      "42 s",
      "2 min 05 s",
      "4.2 ms",
    ]);
  });

  it("gives sliders round steps", () => {
    expect(step(0, 10, false)).toBeCloseTo(0.05);
    expect(step(2700, 6300, true)).toBe(20);
    expect(step(0, 3, true)).toBe(1);
    expect(step(1, 1, false)).toBe(1);
    expect(snap(0.30000000000000004, 0.05)).toBe(0.3);
  });
});

describe("colors", () => {
  it("belong to a column's place in the table", () => {
    const names = Array.from({ length: 15 }, (_, i) => `c${i}`);
    expect(colorOf("c3", names)).toBe("var(--tw-hue-3)");
    expect(hueOf("c13", names)).toBe(13 - HUES);
    expect(hueOf("nowhere", names)).toBe(0);
  });

  it("tells light from dark", () => {
    expect(brightness("rgb(255, 255, 255)")).toBeCloseTo(1);
    expect(brightness("rgb(0, 0, 0)")).toBe(0);
    expect(brightness("rgba(0, 0, 0, 0)")).toBeNull();
  });
});

describe("charts", () => {
  it("places bins by their edges and single values by themselves", () => {
    const [bin] = sparkBars([{ value: 1, probability: 1, low: 0, high: 5, density: 0.2 }], 0, 10);
    expect(bin).toEqual({ left: 0, width: 0.5, height: 1 });
    expect(sparkBars([{ value: 10, probability: 1 }], 0, 10)[0]?.left).toBeCloseTo(0.875);
  });

  it("keeps the spec and takes the rows there are", () => {
    const spec = { mark: "bar", data: { name: "d" }, datasets: { d: [{ a: 1 }] }, width: 5 };
    expect(fitted(spec, { width: 300, height: 100 }, { d: [] })).toMatchObject({
      mark: "bar",
      datasets: { d: [] },
      width: 300,
      height: 100,
    });
  });
});
