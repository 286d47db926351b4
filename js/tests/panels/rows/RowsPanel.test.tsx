import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RowsSlice } from "../../../src/panels/rows/types";
import { button, clear, enter, host, labeled, resize, show } from "../../bench";
import { answerSummary, FakeModel, questionOf, state } from "../../model";

let model: FakeModel;

/** The slice of twelve rows, two of them without a value of x. */
function rows(more: Partial<RowsSlice> = {}): RowsSlice {
  const columns = [
    { name: "x", letters: 5, number: true, used: true, target: true },
    { name: "g", letters: 5, number: false, used: true, target: true },
  ];
  const view = {
    sort: null,
    descending: false,
    search: "",
    matching_only: false,
    by_surprise: false,
    version: 1,
    total: 12,
  };
  const table = { rows: 12, columns };
  return {
    table,
    view,
    selected: null,
    model: 1,
    predicted: 0,
    surprise: null,
    ...more,
  };
}

const wait = (ms = 20) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(condition: () => boolean) {
  for (let i = 0; i < 200 && !condition(); i++) await wait(10);
  expect(condition()).toBe(true);
}

const sent = (kind: string) => model.sent.filter((one) => one.kind === kind);
const grid = () => labeled<HTMLElement>("Rows");
const cells = () => [...host.querySelectorAll('[role="gridcell"]')];
const texts = () => cells().map((cell) => cell.textContent);

async function answer(kind: string, ok: object) {
  const { id } = sent(kind).at(-1) as (typeof model.sent)[number];
  model.trigger("msg:custom", { type: "reply", id, ok });
  await wait();
}

async function change(slice: RowsSlice) {
  model.state = { ...model.state, rows: slice };
  model.trigger("change:rows_slice");
  await wait();
}

const PAGE = {
  version: 1,
  from: 0,
  positions: Array.from({ length: 12 }, (_, i) => 100 + i),
  cells: {
    x: Array.from({ length: 12 }, (_, i) => (i < 2 ? null : `${i}.5`)),
    g: Array.from({ length: 12 }, (_, i) => (i === 4 ? "<b>bold</b>" : "a")),
  },
};

async function open(slice = rows()) {
  const given = { x: { op: "is" as const, value: 3 } };
  const matching = { rows: 12, matching: 5, shares: null, low: null, high: null };
  const query = { question: questionOf({ given }), answer: answerSummary({ matching }) };
  const more = { rows: slice, query };
  model = new FakeModel(state(more), ["rows"]);
  show(model);
  await until(() => sent("rows").length > 0);
  await answer("rows", PAGE);
}

async function press(key: string, init: KeyboardEventInit = {}) {
  const target = document.activeElement === document.body ? grid() : document.activeElement;
  target?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...init }));
  await wait();
}

beforeEach(() => resize(400));

afterEach(() => {
  clear();
  resize();
});

describe("the rows", () => {
  it("says what is missing before there is a table", async () => {
    model = new FakeModel(state(), ["rows"]);
    show(model);
    expect(host.textContent).toContain("Load a table");
  });

  it("shows cells as text, never as HTML", async () => {
    await open();
    expect(texts().slice(0, 6)).toEqual(["–", "a", "–", "a", "2.5", "a"]);
    expect(texts()).toContain("<b>bold</b>");
    expect(grid().querySelector("b")).toBeNull();
  });

  it("numbers rows and columns for assistive technology", async () => {
    await open();
    expect(grid().getAttribute("aria-rowcount")).toBe("13");
    expect(grid().getAttribute("aria-colcount")).toBe("2");
    const row = cells()[4]?.closest('[role="row"]');
    expect(row?.getAttribute("aria-rowindex")).toBe("4");
    expect(cells()[5]?.getAttribute("aria-colindex")).toBe("2");
  });

  it("sorts up, down, and no longer", async () => {
    await open();
    labeled("Sort by x").click();
    expect(sent("view-rows").at(-1)?.payload).toEqual({ sort: "x", descending: false });
    const { view } = rows();
    await change(rows({ view: { ...view, sort: "x" } }));
    const header = labeled("Sort by x").closest('[role="columnheader"]');
    expect(header?.getAttribute("aria-sort")).toBe("ascending");
    labeled("Sort by x").click();
    expect(sent("view-rows").at(-1)?.payload).toEqual({ sort: "x", descending: true });
    await change(rows({ view: { ...view, sort: "x", descending: true } }));
    labeled("Sort by x").click();
    expect(sent("view-rows").at(-1)?.payload).toEqual({ sort: null, descending: false });
  });

  it("blanks the rows of an old order until the new ones come", async () => {
    await open();
    await change(rows({ view: { ...rows().view, version: 2, total: 3 } }));
    expect(grid().querySelectorAll(".tw-rows-wait").length).toBe(6);
    await answer("rows", { ...PAGE, version: 2 });
    expect(grid().querySelectorAll(".tw-rows-wait").length).toBe(0);
    expect(texts()).toHaveLength(6);
  });

  it("searches when typing pauses", async () => {
    await open();
    enter("Search rows", "bo");
    enter("Search rows", "bold");
    await until(() => sent("view-rows").length > 0);
    expect(sent("view-rows").map(({ payload }) => payload)).toEqual([{ search: "bold" }]);
  });

  it("offers the rows that match", async () => {
    await open();
    expect(host.textContent).toContain("matching rows only (5 of 12)");
    host.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
    expect(sent("view-rows").at(-1)?.payload).toEqual({ matching_only: true });
  });
});

describe("a click on a row", () => {
  it("selects it, and its cells become the evidence", async () => {
    await open();
    (cells()[4] as HTMLElement).click();
    expect(sent("select-rows").at(-1)?.payload).toEqual({ positions: [102] });
    const given = { x: { op: "is", value: 2.5 } };
    await answer("select-rows", { given });
    expect(sent("ask").at(-1)?.payload).toEqual({ target: "g", given });
  });

  it("leaves the evidence alone if that is not wanted", async () => {
    await open();
    const boxes = [...host.querySelectorAll<HTMLInputElement>("input[type=checkbox]")];
    boxes.find((box) => box.parentElement?.textContent?.includes("as evidence"))?.click();
    await wait();
    (cells()[4] as HTMLElement).click();
    await answer("select-rows", { given: { x: { op: "is", value: 2.5 } } });
    expect(sent("ask")).toHaveLength(0);
  });

  it("shows the selection of the session", async () => {
    const selected = { position: 103, positions: [103], index: 3, values: { x: 3.5 }, edits: {} };
    await open(rows({ selected }));
    const on = host.querySelectorAll('[aria-selected="true"]');
    expect([...on].map((row) => row.getAttribute("aria-rowindex"))).toEqual(["5"]);
    await press("Escape");
    expect(sent("select-rows").at(-1)?.payload).toEqual({ positions: [] });
  });
});

describe("the keyboard", () => {
  it("moves the active cell and selects its row", async () => {
    await open();
    grid().focus();
    await press("ArrowDown");
    await press("ArrowDown");
    await press("End");
    const active = host.querySelector(".tw-rows-active");
    expect(active?.id).toBe(grid().getAttribute("aria-activedescendant"));
    expect(active?.getAttribute("aria-colindex")).toBe("2");
    await press("Enter");
    expect(sent("select-rows").at(-1)?.payload).toEqual({ positions: [101] });
  });

  it("edits by typing, and Escape leaves the cell as it was", async () => {
    await open();
    (cells()[4] as HTMLElement).click();
    await wait();
    await press("7");
    await until(() => host.querySelector(".tw-rows-editor") !== null);
    const field = labeled<HTMLInputElement>("x of row 102");
    expect(field.value).toBe("7");
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    await wait();
    expect(sent("edit-cell")).toHaveLength(0);
    expect(texts()[4]).toBe("2.5");
  });

  it("edits by F2, and Enter makes the value a what-if", async () => {
    await open();
    (cells()[4] as HTMLElement).click();
    await wait();
    await press("F2");
    await until(() => host.querySelector(".tw-rows-editor") !== null);
    const field = labeled<HTMLInputElement>("x of row 102");
    expect(field.value).toBe("2.5");
    field.value = "9";
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    await wait();
    const payload = { position: 102, column: "x", value: "9" };
    expect(sent("edit-cell").map((one) => one.payload)).toEqual([payload]);
    await answer("edit-cell", { given: { x: { op: "is", value: 9 } } });
    expect(sent("ask").at(-1)?.payload.given).toEqual({ x: { op: "is", value: 9 } });
    const edits = { x: "9" };
    const selected = { position: 102, positions: [102], index: 2, values: { x: 2.5 }, edits };
    await change(rows({ selected }));
    expect(texts()[4]).toBe("9");
    expect(cells()[4]?.classList.contains("tw-rows-edited")).toBe(true);
  });

  it("shows why a value is refused", async () => {
    await open();
    (cells()[4] as HTMLElement).click();
    await wait();
    await press("z");
    await until(() => host.querySelector(".tw-rows-editor") !== null);
    const field = labeled<HTMLInputElement>("x of row 102");
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    await wait();
    const { id } = sent("edit-cell").at(-1) as (typeof model.sent)[number];
    model.trigger("msg:custom", { type: "reply", id, error: "column 'x' is numeric" });
    await wait();
    expect(host.querySelector('[role="alert"]')?.textContent).toBe("column 'x' is numeric");
  });
});

describe("what is laid over the cells", () => {
  it("is asked for once scrolling pauses, for the missing cells on screen", async () => {
    await open();
    expect(sent("predictions")).toHaveLength(0);
    await until(() => sent("predictions").length > 0);
    const payload = { positions: [100, 101], columns: ["x"] };
    expect(sent("predictions").map((one) => one.payload)).toEqual([payload]);
    await answer("predictions", { model: 1, cells: [] });
    await change(rows({ predicted: 1 }));
    const cell = { position: 101, column: "x", text: "3.1 ± 0.4" };
    await answer("predictions", { model: 1, cells: [cell] });
    expect(texts().slice(0, 4)).toEqual(["–", "a", "~ 3.1 ± 0.4", "a"]);
  });

  it("is dropped with the model that said it", async () => {
    await open();
    await until(() => sent("predictions").length > 0);
    const cell = { position: 101, column: "x", text: "3.1 ± 0.4" };
    await answer("predictions", { model: 1, cells: [cell] });
    await change(rows({ model: 2 }));
    expect(texts()[2]).toBe("–");
  });

  it("shades cells by their surprise, and says how far it is", async () => {
    await open();
    const boxes = [...host.querySelectorAll<HTMLInputElement>("input[type=checkbox]")];
    boxes.find((box) => box.parentElement?.textContent === "surprise")?.click();
    await until(() => sent("surprise").length > 0);
    expect(sent("surprise").at(-1)?.payload.positions).toEqual(PAGE.positions);
    const bits = { "102": [8.25, null] };
    await answer("surprise", { model: 1, columns: ["x", "g"], rows: bits, scored: [] });
    const [x, g] = cells().slice(4, 6);
    expect(x?.classList.contains("tw-rows-marked")).toBe(true);
    expect((x as HTMLElement).style.getPropertyValue("--tw-shade")).toBe("62%");
    expect(g?.classList.contains("tw-rows-bits")).toBe(false);
    const surprise = { done: 4, total: 12, pieces: 1, running: true };
    await change(rows({ surprise }));
    expect(host.textContent).toContain("surprise: 4 of 12 rows");
    button("Next surprising cell").click();
    const found = { position: 105, index: 5, column: "g", bits: 9 };
    await answer("surprising-cell", { found, next: 1 });
    const active = host.querySelector(".tw-rows-active");
    expect(active?.closest('[role="row"]')?.getAttribute("aria-rowindex")).toBe("7");
    button("Next surprising cell").click();
    expect(sent("surprising-cell").at(-1)?.payload).toEqual({ rank: 1 });
  });
});
