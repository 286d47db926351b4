import { afterEach, describe, expect, it } from "vitest";
import type { Given } from "../../../src/inference/types";
import { listed } from "../../../src/panels/columns/ColumnsPanel";
import { button, clear, enter, host, labeled, show } from "../../bench";
import {
  answer,
  answerSummary,
  asked,
  column,
  FakeModel,
  questionOf,
  settle,
  state,
} from "../../model";

const COLUMNS = [column("width"), column("g", { kind: "categorical", levels: ["a", "b"] })].concat(
  column("age"),
);

function panel(given: Given = {}, more: Parameters<typeof state>[0] = {}): FakeModel {
  return new FakeModel(
    state({
      data: { table: { name: "toy", rows: 12, columns: COLUMNS } },
      train: { ready: true },
      query: { question: questionOf({ given }), answer: answerSummary() },
      ...more,
    }),
    ["columns"],
  );
}

async function shown(model: FakeModel): Promise<FakeModel> {
  show(model);
  await settle();
  return model;
}

const names = () =>
  [...host.querySelectorAll(".tw-column")].map(
    (row) => row.querySelector(".tw-column-name")?.textContent,
  );

const row = (at: number) => [...host.querySelectorAll(".tw-column")][at];

const last = (model: FakeModel) => asked(model, "ask").at(-1);

async function press(label: string, more: MouseEventInit = {}): Promise<void> {
  labeled(label).dispatchEvent(new MouseEvent("click", { bubbles: true, ...more }));
  await settle();
}

afterEach(clear);

describe("the list of columns", () => {
  const named = (...rest: Parameters<typeof listed> extends [unknown, ...infer R] ? R : never) =>
    listed(COLUMNS, ...rest).map(({ name }) => name);

  it("is searched by parts of names, in any case", () => {
    expect(named(" G ", "table", {})).toEqual(["g", "age"]);
    expect(named("wid", "name", {})).toEqual(["width"]);
    expect(named("zzz", "table", {})).toEqual([]);
  });

  it("is in the table's order, by name, or by influence with the unknown last", () => {
    expect(named("", "table", {})).toEqual(["width", "g", "age"]);
    expect(named("", "name", {})).toEqual(["age", "g", "width"]);
    expect(named("", "influence", { g: 0, age: 0.5 })).toEqual(["age", "g", "width"]);
    expect(COLUMNS.map(({ name }) => name)).toEqual(["width", "g", "age"]);
  });
});

describe("the rail of columns", () => {
  it("asks for a column by its name, and for two together with Shift", async () => {
    const model = await shown(panel({ age: { op: "is", value: 3 } }));
    expect(labeled("Ask for g").getAttribute("aria-pressed")).toBe("true");
    await press("Ask for width", { shiftKey: true });
    const given = { age: { op: "is", value: 3 } };
    expect(last(model)).toEqual({ target: "g", second: "width", given });
    expect(row(0)?.querySelector(".tw-tag")?.textContent).toBe("asked too");
    const question = questionOf({ second: "width", given: given as Given });
    await answer(model, "ask", { question, answer: answerSummary({ number: 2 }) });
    await press("Ask for width");
    expect(last(model)).toEqual({ target: "g", given });
    await answer(model, "ask", { question: questionOf(), answer: answerSummary({ number: 3 }) });
    await press("Ask for age");
    expect(last(model)).toEqual({ target: "age", given: {} });
  });

  it("clears the evidence on one column or on all", async () => {
    const both: Given = { age: { op: "is", value: 3 }, width: { op: "is", value: 4 } };
    const model = await shown(panel(both));
    expect(labeled("Columns").textContent).toContain("evidence on 2 of 2 columns");
    await press("Clear age");
    expect(last(model)).toEqual({ target: "g", given: { width: both.width } });
    expect(labeled<HTMLButtonElement>("Clear age").disabled).toBe(true);
    const question = questionOf({ given: { width: both.width as never } });
    await answer(model, "ask", { question, answer: answerSummary({ number: 2 }) });
    button("Clear all").click();
    await settle();
    expect(last(model)).toEqual({ target: "g", given: {} });
    expect(button("Clear all").disabled).toBe(true);
    expect(labeled("Columns").textContent).toContain("no evidence");
  });

  it("asks nothing before there are answers", async () => {
    await shown(panel({}, { train: { ready: false } }));
    expect(names()).toEqual(["width", "g", "age"]);
    expect(host.querySelector('[aria-label^="Ask for"], [type="range"]')).toBeNull();
    expect(host.querySelector('[aria-label="histogram of width"]')).not.toBeNull();
  });

  it("draws few rows of many columns, and finds the others", async () => {
    const columns = Array.from({ length: 200 }, (_, i) => column(`c${i}`));
    await shown(panel({}, { data: { table: { name: "wide", rows: 12, columns } } }));
    expect(names().slice(0, 3)).toEqual(["c0", "c1", "c2"]);
    expect(names().length).toBeLessThan(30);
    expect(row(2)?.getAttribute("aria-posinset")).toBe("3");
    expect(row(2)?.getAttribute("aria-setsize")).toBe("200");
    enter("Search columns", "c19");
    await settle();
    expect(names().slice(0, 2)).toEqual(["c19", "c190"]);
    expect(row(0)?.getAttribute("aria-setsize")).toBe("11");
  });

  it("says what to look out for, and more in the menu", async () => {
    const alerts = { age: ["is constant", "is mostly missing"] };
    await shown(panel({}, { columns: { alerts } }));
    expect(labeled("is constant; is mostly missing").getAttribute("role")).toBe("img");
    expect(host.querySelectorAll(".tw-alert")).toHaveLength(1);
    await press("More about age");
    const menu = host.querySelector(".tw-column-menu")?.textContent;
    expect(menu).toContain("9 values, 0 to 10, none missing, stored as float64");
    expect(menu).toContain("age is mostly missing");
    await press("More about width");
    expect(host.querySelectorAll(".tw-column-menu")).toHaveLength(1);
    expect(labeled("More about age").getAttribute("aria-expanded")).toBe("false");
  });

  it("surveys the columns on the screen that can be asked for", async () => {
    const columns = [...COLUMNS, column("said", { kind: "text", role: "evidence" })];
    const model = await shown(panel({}, { data: { table: { name: "toy", rows: 12, columns } } }));
    expect(asked(model, "survey")).toEqual([{ columns: ["width", "g", "age"] }]);
  });
});

describe("the menu of a column", () => {
  async function use(text: string): Promise<void> {
    const radios = [...labeled("Evidence on age").querySelectorAll("label")];
    radios
      .find((one) => one.textContent === text)
      ?.querySelector("input")
      ?.click();
    await settle();
  }

  it("sets a range, and all but a value", async () => {
    const model = await shown(panel());
    await press("More about age");
    await use("range");
    expect(asked(model, "ask")).toEqual([]);
    enter("age from", "4");
    const range = { op: "between", low: 4, high: 10, closed: "both" };
    expect(last(model)).toEqual({ target: "g", given: { age: range } });
    const question = questionOf({ given: { age: range as never } });
    await answer(model, "ask", { question, answer: answerSummary({ number: 2 }) });
    await use("not");
    expect(last(model)).toEqual({ target: "g", given: {} });
    await answer(model, "ask", { question: questionOf(), answer: answerSummary({ number: 3 }) });
    enter("age slider", "6");
    expect(last(model)).toEqual({ target: "g", given: { age: { op: "not in", values: [6] } } });
  });

  it("declares the kind and the role, and shows why that cannot be", async () => {
    const model = await shown(panel());
    await press("More about age");
    enter("Kind of age", "categorical", "change");
    enter("Role of age", "ignored", "change");
    expect(asked(model, "declare")).toEqual([
      { column: "age", kind: "categorical" },
      { column: "age", role: "ignored" },
    ]);
    model.fail(model.sent.length - 1, "a fit is running: stop it first");
    await settle();
    expect(host.querySelector('[role="alert"]')?.textContent).toBe(
      "a fit is running: stop it first",
    );
  });

  it("asks for the column together with the target", async () => {
    const model = await shown(panel());
    await press("More about age");
    button("Ask together with g").click();
    await settle();
    expect(last(model)).toEqual({ target: "g", second: "age", given: {} });
    button("Ask for g alone").click();
    const question = questionOf({ second: "age" });
    await answer(model, "ask", { question, answer: answerSummary({ number: 2 }) });
    expect(last(model)).toEqual({ target: "g", given: {} });
  });
});

describe("the influence of columns", () => {
  const rest = () => new Promise((resolve) => setTimeout(resolve, 300));

  it("is computed in parts once it is wanted, and sorts", async () => {
    const model = await shown(panel());
    await rest();
    expect(asked(model, "influence")).toEqual([]);
    enter("Sort columns", "influence", "change");
    await settle();
    await rest();
    await answer(model, "influence", { bits: { width: 0.2 }, rest: ["age"] });
    expect(asked(model, "influence")).toEqual([{}, { columns: ["age"] }]);
    expect(names()).toEqual(["width", "g", "age"]);
    await answer(model, "influence", { bits: { age: 0.5 }, rest: [] });
    expect(names()).toEqual(["age", "width", "g"]);
    const bits = [...host.querySelectorAll(".tw-bits")].map((one) => one.textContent);
    expect(bits).toEqual(["0.5", "0.2"]);
    expect(host.querySelector<HTMLElement>(".tw-bits span")?.style.width).toBe("100%");
    expect(asked(model, "influence")).toHaveLength(2);
  });

  it("is computed again for another answer, and the rest of the old one is left", async () => {
    const model = await shown(panel());
    enter("Sort columns", "influence", "change");
    await settle();
    await rest();
    const query = { question: questionOf(), answer: answerSummary({ number: 2 }) };
    model.update({ ...model.state, query });
    await settle();
    await answer(model, "influence", { bits: { width: 9 }, rest: ["age"] });
    expect(host.querySelector(".tw-bits")).toBeNull();
    await rest();
    expect(asked(model, "influence")).toEqual([{}, {}]);
  });
});
