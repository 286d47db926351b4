import { describe, expect, it } from "vitest";
import { fitted } from "../../src/ui/chart";

describe("a chart", () => {
  it("keeps the spec, with its own size and the current rows", () => {
    const spec = { mark: "bar", data: { name: "d" }, datasets: { d: [{ a: 1 }] }, width: 5 };
    expect(fitted(spec, { width: 300, height: 100 }, { d: [] })).toMatchObject({
      mark: "bar",
      datasets: { d: [] },
      width: 300,
      height: 100,
    });
  });
});
