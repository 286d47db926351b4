import { describe, expect, it } from "vitest";
import { dateTicks, type Tick, ticks } from "../../src/ui/ticks";

const texts = (all: Tick[]) => all.map(({ text }) => text);
const seconds = (day: string) => Date.parse(`${day}T00:00:00Z`) / 1000;

describe("ticks", () => {
  it("are round and lie within the range", () => {
    expect(texts(ticks(0, 10))).toEqual(["0", "2", "4", "6", "8", "10"]);
    expect(texts(ticks(32.1, 59.6))).toEqual(["35", "40", "45", "50", "55"]);
    expect(texts(ticks(-0.3, 0.3))).toEqual(["-0.3", "-0.2", "-0.1", "0", "0.1", "0.2", "0.3"]);
    expect(texts(ticks(2700, 6300, 4))).toEqual(["3000", "4000", "5000", "6000"]);
  });

  it("are one for a single value, and none for a range without end", () => {
    expect(ticks(3, 3)).toEqual([{ value: 3, text: "3" }]);
    expect(ticks(0, Number.POSITIVE_INFINITY)).toEqual([]);
    expect(dateTicks(Number.NaN, 1)).toEqual([]);
  });

  it("never repeat a text, where numbers are too long to tell apart", () => {
    expect(texts(ticks(1.7e9, 1.701e9))).toEqual(["1.70e+9"]);
  });

  it("are days, months or years, by the length of the range", () => {
    expect(texts(dateTicks(seconds("2024-02-28"), seconds("2024-03-03"), 5))).toEqual([
      "2024-02-28",
      "2024-02-29",
      "2024-03-01",
      "2024-03-02",
      "2024-03-03",
    ]);
    expect(texts(dateTicks(seconds("2023-01-01"), seconds("2024-01-01"), 3))).toEqual([
      "2023-01",
      "2023-07",
      "2024-01",
    ]);
    expect(texts(dateTicks(seconds("2000-01-01"), seconds("2020-01-01"), 3))).toEqual([
      "2000",
      "2009",
      "2020",
    ]);
    expect(texts(dateTicks(seconds("2024-01-01"), seconds("2024-01-02")))).toEqual([
      "2024-01-01",
      "2024-01-02",
    ]);
  });
});
