import { describe, expect, it } from "vitest";
import { hideStatic } from "../../src/core/fallback";

describe("the static view", () => {
  it("is hidden while any view is drawn", () => {
    const first = hideStatic("a1b2");
    const second = hideStatic("a1b2");
    first();
    expect(document.getElementById("tabwidget-hide-a1b2")).not.toBeNull();
    second();
    expect(document.getElementById("tabwidget-hide-a1b2")).toBeNull();
    hideStatic('"]{}')();
    expect(document.getElementById('tabwidget-hide-"]{}')).toBeNull();
  });
});
