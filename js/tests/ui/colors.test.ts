import { describe, expect, it } from "vitest";
import { colorOf, HUES, hueOf } from "../../src/ui/colors";

describe("colors", () => {
  it("depend on a column's position in the table", () => {
    const names = Array.from({ length: 15 }, (_, i) => `c${i}`);
    expect(colorOf("c3", names)).toBe("var(--tw-hue-3)");
    expect(hueOf("c13", names)).toBe(13 - HUES);
    expect(hueOf("nowhere", names)).toBe(0);
  });
});
