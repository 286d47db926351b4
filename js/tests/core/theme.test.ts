import { describe, expect, it } from "vitest";
import { brightness } from "../../src/core/theme";

describe("brightness", () => {
  it("separates light from dark", () => {
    expect(brightness("rgb(255, 255, 255)")).toBeCloseTo(1);
    expect(brightness("rgb(0, 0, 0)")).toBe(0);
    expect(brightness("rgba(0, 0, 0, 0)")).toBeNull();
  });
});
