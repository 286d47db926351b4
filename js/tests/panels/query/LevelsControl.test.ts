import { describe, expect, it } from "vitest";
import { chosen, toggled } from "../../../src/panels/query/LevelsControl";

describe("level chips", () => {
  it("select a value or a set", () => {
    expect(toggled([], "a")).toEqual({ op: "is", value: "a" });
    expect(toggled(["a"], "b")).toEqual({ op: "in", values: ["a", "b"] });
    expect(toggled(["a"], "a")).toBeNull();
    expect(chosen({ op: "not in", values: ["a"] }, ["a", "b", "c"])).toEqual(["b", "c"]);
  });
});
