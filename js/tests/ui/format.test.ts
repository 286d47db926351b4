import { describe, expect, it } from "vitest";
import { gain, milliseconds, number, seconds, share } from "../../src/ui/format";

describe("numbers", () => {
  it.each([
    [0, "0"],
    [39.1, "39.1"],
    [4207.056, "4207"],
    [123456.7, "123,457"],
    [0.00001234, "1.23e-5"],
    [Number.NaN, "–"],
    [null, "–"],
  ])("formats %s as %s", (value, text) => {
    expect(number(value)).toBe(text);
  });

  it("formats shares close to 0 and 1 as bounds", () => {
    expect([share(0.5), share(0.012), share(0.0001), share(0.9999), share(1)]).toEqual([
      "50%",
      "1.2%",
      "<0.1%",
      ">99.9%",
      "100%",
    ]);
  });

  it("formats times", () => {
    expect([seconds(3.21), seconds(42), seconds(125), milliseconds(0.0042)]).toEqual([
      "3.2 s",
      "42 s",
      "2 min 05 s",
      "4.2 ms",
    ]);
  });
});

describe("gains", () => {
  it.each([
    [0.314, "+0.31"],
    [0, "+0.00"],
    [-0.126, "−0.13"],
    [null, "–"],
  ])("%s nats as %s", (value, text) => {
    expect(gain(value)).toBe(text);
  });
});
