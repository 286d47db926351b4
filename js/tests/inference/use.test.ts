import { describe, expect, it } from "vitest";
import { useOf, usesOf } from "../../src/inference/use";

describe("the use of a column", () => {
  it("is offered by its kind", () => {
    expect(usesOf("numeric")).toEqual(["is", "range", "not"]);
    expect(usesOf("datetime")).toEqual(["is", "range", "not"]);
    expect(usesOf("boolean")).toEqual(["any of", "not"]);
    expect(usesOf("text")).toEqual(["is"]);
  });

  it("is read from the evidence", () => {
    const between = { op: "between", low: 1, high: 2, closed: "both" } as const;
    expect(useOf(null, "numeric")).toBeNull();
    expect(useOf({ op: "is", value: 1 }, "numeric")).toBe("is");
    expect(useOf(between, "numeric")).toBe("range");
    expect(useOf({ op: "above", value: 1, inclusive: true }, "datetime")).toBe("range");
    expect(useOf({ op: "not in", values: [1] }, "numeric")).toBe("not");
    expect(useOf({ op: "is", value: "a" }, "categorical")).toBe("any of");
    expect(useOf({ op: "in", values: ["a"] }, "categorical")).toBe("any of");
    expect(useOf({ op: "not in", values: ["a"] }, "categorical")).toBe("not");
  });
});
