import { describe, expect, it } from "vitest";
import { moved, types } from "../../../src/panels/rows/keys";

const SIZE = { rows: 100, columns: 5, page: 10 };

describe("a key in the grid", () => {
  it.each([
    ["ArrowDown", false, 51, 2],
    ["ArrowUp", false, 49, 2],
    ["ArrowLeft", false, 50, 1],
    ["ArrowRight", false, 50, 3],
    ["PageDown", false, 60, 2],
    ["PageUp", false, 40, 2],
    ["Home", false, 50, 0],
    ["End", false, 50, 4],
    ["Home", true, 0, 0],
    ["End", true, 99, 4],
    ["ArrowDown", true, 99, 2],
    ["ArrowUp", true, 0, 2],
    ["ArrowRight", true, 50, 4],
  ])("%s (far: %s) leads to row %i and column %i", (key, far, row, column) => {
    expect(moved(key, far, { row: 50, column: 2 }, SIZE)).toEqual({ row, column });
  });

  it("never leaves the grid", () => {
    expect(moved("PageDown", false, { row: 95, column: 4 }, SIZE)).toEqual({ row: 99, column: 4 });
    expect(moved("ArrowLeft", false, { row: 0, column: 0 }, SIZE)).toEqual({ row: 0, column: 0 });
  });

  it("is no move if it types", () => {
    expect(moved("a", false, { row: 0, column: 0 }, SIZE)).toBeNull();
    const key = (name: string, init = {}) => new KeyboardEvent("keydown", { key: name, ...init });
    expect(types(key("7"))).toBe(true);
    expect(types(key("é"))).toBe(true);
    expect(types(key("Tab"))).toBe(false);
    expect(types(key("c", { ctrlKey: true }))).toBe(false);
  });
});
