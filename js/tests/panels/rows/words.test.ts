import { expect, test } from "vitest";
import type { Layers } from "../../../src/panels/rows/layers";
import type { Pages } from "../../../src/panels/rows/pages";
import { wordsOf } from "../../../src/panels/rows/words";

const pages = { position: () => 3, cell: () => "39.1" } as unknown as Pages;

function words(bits: number | undefined): string {
  const layers = { bits: () => bits, predicted: () => undefined } as unknown as Layers;
  const columns = [{ name: "length", used: true }] as never;
  return wordsOf({ row: 0, column: 0 }, { columns, pages, layers, selected: null });
}

test("a cell's surprise is said as more or less than expected", () => {
  expect(words(undefined)).toBe("row 3 · length 39.1");
  expect(words(2.31)).toBe("row 3 · length 39.1 · 2.3 bits more surprising than expected");
  expect(words(-1.2)).toBe("row 3 · length 39.1 · 1.2 bits less surprising than expected");
  expect(words(-0.01)).toBe("row 3 · length 39.1 · as surprising as expected");
});
