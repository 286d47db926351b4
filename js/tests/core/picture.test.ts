import { describe, expect, it } from "vitest";
import { updatePictures } from "../../src/core/picture";

function listed<T>(...items: T[]) {
  return { length: items.length, get: (i: number) => items[i] };
}

class FakeOutput {
  data: Record<string, unknown>;
  constructor(html: string) {
    this.data = { "text/html": html, "image/png": "kept" };
  }
  setData(options: { data: Record<string, unknown> }) {
    this.data = options.data;
  }
}

describe("the static view in the document", () => {
  const message = { type: "picture" as const, html: "<p class='tabwidget-static-a1'>2", text: "2" };

  it("is updated where it is shown, once, and nothing else changes", () => {
    const ours = new FakeOutput("<p class='tabwidget-static-a1'>1");
    const other = new FakeOutput("<p class='tabwidget-static-b2'>1");
    const cells = listed({ outputs: listed(other, ours) }, {});
    const manager = { context: { model: { cells } } };
    expect(updatePictures(manager, "a1", message)).toBe(1);
    expect(ours.data).toEqual({
      "text/html": message.html,
      "text/plain": "2",
      "image/png": "kept",
    });
    expect(other.data["text/html"]).toContain("b2");
    expect(updatePictures(manager, "a1", message)).toBe(0);
  });

  it.each([undefined, {}, { context: {} }])("does nothing in a host without a document", (host) => {
    expect(updatePictures(host, "a1", message)).toBe(0);
  });
});
