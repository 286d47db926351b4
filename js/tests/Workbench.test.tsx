import { afterEach, describe, expect, it } from "vitest";
import type { PanelModule } from "../src/core/panel";
import { drawnPanels } from "../src/Workbench";
import { button, clear, host, labeled, show } from "./bench";
import {
  answer,
  answerSummary,
  column,
  FakeModel,
  questionOf,
  rowTask,
  run,
  settle,
  state,
  textState,
} from "./model";

const HOSTILE = '<img src=x onerror="globalThis.hacked = true">';

function titles(): (string | null)[] {
  return [...host.querySelectorAll("h3")].map((title) => title.textContent);
}

afterEach(clear);

describe("the workbench", () => {
  it("shows the steps in order, and only the panels asked for", () => {
    show(new FakeModel(state()));
    expect(titles()).toEqual(["Data", "Task", "Train", "Columns", "Query"]);
    clear();
    show(new FakeModel(state(), ["train"]));
    expect(titles()).toEqual(["Train"]);
  });

  it("shows, of the panels that ask, the one that suits the task", async () => {
    const model = new FakeModel(textState());
    show(model);
    expect(titles()).toEqual(["Data", "Task", "Train", "Columns", "Labels"]);
    model.update(state());
    await settle();
    expect(titles()).toEqual(["Data", "Task", "Train", "Columns", "Query"]);
    clear();
    // A lone panel that does not suit the task gives its place too.
    show(new FakeModel(textState(), ["query"]));
    expect(titles()).toEqual(["Labels"]);
  });

  it("draws panels that no kernel state has reached yet", () => {
    const empty = { data: {}, task: {}, train: {}, columns: {}, query: {}, labels: {}, python: "" };
    show(new FakeModel(empty as never));
    expect(titles()).toEqual(["Data", "Task", "Train", "Columns", "Query"]);
  });

  it("skips names without a panel", () => {
    const View = () => null;
    const all: PanelModule[] = [
      { name: "data", title: "", place: "drawer", View },
      { name: "query", title: "", place: "center", View, asks: true },
    ];
    const drawn = (suited?: string) =>
      drawnPanels(all, ["data", "evaluate", "query"], suited).map(({ name }) => name);
    expect(drawn("query")).toEqual(["data", "query"]);
    expect(drawn("nothing")).toEqual(["data"]);
    expect(drawn()).toEqual(["data", "query"]);
  });

  it("writes hostile names as text, everywhere", async () => {
    const levels = [HOSTILE, "fine"];
    const columns = [
      column(HOSTILE, { note: HOSTILE }),
      column(`${HOSTILE}2`, { kind: "categorical", levels, low: null, high: null }),
    ];
    const question = questionOf({ formula: HOSTILE, target: HOSTILE });
    const answered = answerSummary({
      target: HOSTILE,
      kind: "numeric",
      records: [{ value: 1, probability: 1 }],
      headline: HOSTILE,
      detail: HOSTILE,
      python: HOSTILE,
      formula: HOSTILE,
    });
    const model = new FakeModel(
      state({
        data: { table: { name: HOSTILE, rows: 3, columns } },
        task: rowTask({ backend: "minilm-text" }, { hint: HOSTILE, roles: { [HOSTILE]: HOSTILE } }),
        train: { ready: true, run: run({ examples: [HOSTILE] }) },
        query: { question, answer: answered },
      }),
    );
    show(model);
    await settle();
    const spans = [{ column: HOSTILE, name: [0, 4], value: [5, 9] }];
    const preview = { text: HOSTILE, spans, row: 0, tokens: [], read: 99, labels: null };
    await answer(model, "preview", preview);
    expect(host.querySelectorAll("img")).toHaveLength(0);
    expect(host.querySelector("[onerror]")).toBeNull();
    expect(host.textContent).toContain(HOSTILE);
  });

  it("shows the kernel's error and keeps what is there", async () => {
    const model = new FakeModel(state());
    show(model);
    button("Train").click();
    await settle();
    model.fail(
      model.sent.findIndex((one) => one.kind === "start"),
      "column 'x' is empty",
    );
    await settle();
    expect(host.querySelector('[role="alert"]')?.textContent).toBe("column 'x' is empty");
    expect(labeled("Columns").textContent).toContain("x");
  });

  it("stays as a static view, controls off, when the kernel is gone", async () => {
    const model = new FakeModel(state());
    show(model);
    await settle();
    model.trigger("comm_live_update");
    await settle();
    expect(host.querySelector('[role="status"]')?.textContent).toContain("static view");
    expect(host.querySelector("fieldset")?.disabled).toBe(true);
    expect(host.textContent).toContain("toy");
  });
});

describe("the frame of the workbench", () => {
  const framed = (more: Parameters<typeof state>[0] = {}) =>
    new FakeModel(state(more), undefined, true);
  const opened = () =>
    [...host.querySelectorAll(".tw-bar-button")].map((one) => one.getAttribute("aria-expanded"));
  const drawers = () =>
    [...host.querySelectorAll(".tw-drawer h3")].map((title) => title.textContent);

  it("opens one drawer at a time", async () => {
    show(framed());
    expect([opened(), drawers()]).toEqual([["false", "false", "false"], []]);
    labeled("Show Data").click();
    await settle();
    expect([opened(), drawers()]).toEqual([["true", "false", "false"], ["Data"]]);
    labeled("Show Task").click();
    await settle();
    expect([opened(), drawers()]).toEqual([["false", "true", "false"], ["Task"]]);
    labeled("Show Task").click();
    await settle();
    expect([opened(), drawers()]).toEqual([["false", "false", "false"], []]);
  });

  it("offers to load a table while there is none", async () => {
    const model = framed({ data: { table: null } });
    show(model);
    expect([drawers(), labeled("Show Data").textContent]).toEqual([["Data"], "Load a table"]);
    expect(opened()[0]).toBe("true");
    model.update(state());
    await settle();
    expect([drawers(), labeled("Show Data").textContent]).toEqual([[], "toy 12 × 2"]);
  });

  it("puts each panel in its place, and makes no tabs of a single one", () => {
    const inside = (place: string) =>
      [...host.querySelectorAll(`${place} > .tw-card`)].map((card) =>
        card.getAttribute("aria-label"),
      );
    show(framed());
    expect([inside(".tw-rail"), inside(".tw-center")]).toEqual([["Columns"], ["Query"]]);
    expect(host.querySelector(".tw-center .tw-tab-panel")?.textContent).toContain("its rows");
    expect(host.querySelector('[role="tablist"], [role="tabpanel"]')).toBeNull();
    clear();
    show(framed({ data: { table: null } }));
    expect(host.querySelector(".tw-tab-panel")).toBeNull();
  });

  it("leaves the seconds to the bar", async () => {
    show(framed());
    labeled("Show Task").click();
    await settle();
    const fields = [...host.querySelectorAll(".tw-drawer .tw-field > .tw-label")];
    const labels = fields.map((one) => one.textContent);
    expect(labels).toContain("Backend");
    expect(labels).not.toContain("Train for");
    expect(host.querySelectorAll('[aria-label="Seconds to train"]')).toHaveLength(1);
  });
});
