import { describe, expect, it } from "vitest";
import { endsOf, fromLevel, lineOf, range, single, snap, step } from "../../src/inference/ranges";
import { column } from "../model";

describe("a slider", () => {
  it("sets values and ranges, and converts dates to text and back", () => {
    const line = lineOf(column("x"));
    expect(single(2, line)).toEqual({ op: "is", value: 2 });
    expect(range(5, 2, line)).toEqual({ op: "between", low: 2, high: 5, closed: "both" });
    expect(endsOf({ op: "above", value: 3, inclusive: false }, line)).toEqual([3, 10]);
    const dates = lineOf(column("d", { kind: "datetime", low: 0, high: 86400 * 30 }));
    const day = single(86400, dates);
    expect(day).toEqual({ op: "is", value: "1970-01-02T00:00:00" });
    expect(endsOf(day, dates)).toEqual([86400, 86400]);
  });

  it("reads dates as the kernel writes them", () => {
    const dates = lineOf(column("d", { kind: "datetime", low: 0, high: 86400 * 30 }));
    for (const text of ["1970-01-02", "1970-01-02 00:00:00", "1970-01-02T01:00:00+01:00"]) {
      expect(fromLevel(text, dates)).toBe(86400);
    }
    expect(endsOf({ op: "is", value: "no date" }, dates)).toBeNull();
    expect(endsOf({ op: "in", values: [] }, dates)).toBeNull();
  });

  it("has round steps", () => {
    expect(step(0, 10, false)).toBeCloseTo(0.05);
    expect(step(2700, 6300, true)).toBe(20);
    expect(step(0, 3, true)).toBe(1);
    expect(step(1, 1, false)).toBe(1);
    expect(snap(0.30000000000000004, 0.05)).toBe(0.3);
  });

  it("has round positions for any lowest value", () => {
    const line = lineOf(column("x", { low: 32.1, high: 59.6 }));
    expect(line).toEqual({ low: 32, high: 59.6, step: 0.2, date: false });
  });
});
