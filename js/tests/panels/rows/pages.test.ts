import { beforeEach, describe, expect, it } from "vitest";
import { Transport } from "../../../src/core/transport";
import { COLUMNS, PAGE, Pages } from "../../../src/panels/rows/pages";
import { FakeModel, state } from "../../model";

let model: FakeModel;
let pages: Pages;
let drawn: number;

beforeEach(() => {
  model = new FakeModel(state());
  drawn = 0;
  pages = new Pages(new Transport(model.any), () => {
    drawn += 1;
  });
});

const settled = () => new Promise((resolve) => setTimeout(resolve));
const requests = () => model.sent.filter(({ kind }) => kind === "rows");

/** Answer the newest request: position 1000 + i, cells with their column and row. */
async function reply(version = 1) {
  const { id, payload } = requests().at(-1) as (typeof model.sent)[number];
  const { from, to, columns } = payload as { from: number; to: number; columns: string[] };
  const rows = Array.from({ length: to - from }, (_, i) => from + i);
  const cells = Object.fromEntries(
    columns.map((name) => [name, rows.map((row) => `${name}${row}`)]),
  );
  const positions = rows.map((row) => 1000 + row);
  model.trigger("msg:custom", { type: "reply", id, ok: { version, from, positions, cells } });
  await settled();
}

const asked = () => requests().map(({ payload }) => [payload.from, payload.to]);

describe("pages", () => {
  it("fetches what is on screen, then one page ahead", async () => {
    pages.show(1, 10_000, ["a", "b"]);
    pages.look({ rows: [0, 40], columns: [0, 1] });
    expect(asked()).toEqual([[0, PAGE]]);
    expect(pages.cell(3, 1)).toBeUndefined();
    await reply();
    expect(pages.cell(3, 1)).toBe("b3");
    expect(pages.position(3)).toBe(1003);
    expect(drawn).toBe(1);
    expect(asked().at(-1)).toEqual([PAGE, 2 * PAGE]);
    await reply();
    expect(requests()).toHaveLength(2);
  });

  it("asks for a jump's pages next, whatever was wanted before", async () => {
    pages.show(1, 100_000, ["a"]);
    pages.look({ rows: [0, 40], columns: [0, 0] });
    pages.look({ rows: [20_000, 20_040], columns: [0, 0] });
    pages.look({ rows: [50_000, 50_040], columns: [0, 0] });
    expect(requests()).toHaveLength(1);
    await reply();
    expect(asked()[1]?.[0]).toBe(50_000);
    await reply();
    expect(pages.cell(50_010, 0)).toBe("a50010");
    expect(pages.cell(20_010, 0)).toBeUndefined();
  });

  it("fetches further ahead the faster it scrolls, in its direction", async () => {
    pages.show(1, 100_000, ["a"]);
    pages.look({ rows: [50_000, 50_040], columns: [0, 0] });
    await reply();
    for (let row = 50_000; row > 49_000; row -= 50) {
      pages.look({ rows: [row, row + 40], columns: [0, 0] });
      await new Promise((resolve) => setTimeout(resolve, 4));
      await reply();
    }
    const [from, to] = asked().at(-1) as [number, number];
    expect(to).toBeLessThanOrEqual(49_100);
    expect(to - from).toBeGreaterThanOrEqual(PAGE);
  });

  it("drops the pages of another order, and replies that belong to an old one", async () => {
    pages.show(1, 1000, ["a"]);
    pages.look({ rows: [0, 40], columns: [0, 0] });
    await reply();
    pages.show(2, 1000, ["a"]);
    expect(pages.cell(0, 0)).toBeUndefined();
    await reply(1);
    expect(pages.cell(0, 0)).toBeUndefined();
    await reply(2);
    expect(pages.cell(0, 0)).toBe("a0");
  });

  it("fetches a wide table in blocks of columns", async () => {
    const names = Array.from({ length: 60 }, (_, i) => `c${i}`);
    pages.show(1, 50, names);
    pages.look({ rows: [0, 49], columns: [COLUMNS - 2, COLUMNS + 2] });
    expect(requests().at(-1)?.payload.columns).toEqual(names.slice(0, COLUMNS));
    await reply();
    expect(requests().at(-1)?.payload.columns).toEqual(names.slice(COLUMNS, 2 * COLUMNS));
    await reply();
    expect(pages.cell(7, COLUMNS + 1)).toBe(`c${COLUMNS + 1}7`);
    expect(requests()).toHaveLength(2);
  });

  it("keeps a bounded number of pages", async () => {
    pages.show(1, 1_000_000, ["a"]);
    for (let i = 0; i < 120; i++) {
      pages.look({ rows: [i * 1000, i * 1000 + 40], columns: [0, 0] });
      await reply();
    }
    // The last jump waits for the request before it.
    await reply();
    expect(pages.cell(0, 0)).toBeUndefined();
    expect(pages.cell(119_000, 0)).toBe("a119000");
  });

  it("has nothing to fetch without rows", () => {
    pages.show(1, 0, ["a"]);
    pages.look({ rows: [0, 0], columns: [0, 0] });
    expect(requests()).toHaveLength(0);
  });
});
