import { describe, expect, it } from "vitest";
import { chosen, evidenceOf, toggled } from "../../../src/panels/columns/LevelsControl";

describe("level chips", () => {
  it("select a value, a set, or all but a set", () => {
    expect(evidenceOf(["a"], "any of")).toEqual({ op: "is", value: "a" });
    expect(evidenceOf(["a", "b"], "any of")).toEqual({ op: "in", values: ["a", "b"] });
    expect(evidenceOf(["a"], "not")).toEqual({ op: "not in", values: ["a"] });
    expect(evidenceOf([], "not")).toBeNull();
  });

  it("are switched on and off", () => {
    expect(toggled(["a"], "b")).toEqual(["a", "b"]);
    expect(toggled(["a", "b"], "a")).toEqual(["b"]);
    expect(chosen({ op: "not in", values: ["a"] })).toEqual(["a"]);
  });
});
