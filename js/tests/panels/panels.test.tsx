import { afterEach, describe, expect, it } from "vitest";
import { hideStatic } from "../../src/core/fallback";
import type { Preview } from "../../src/core/protocol";
import { endsOf, lineOf, range, single } from "../../src/inference/ranges";
import { condensed } from "../../src/panels/query/AnswerView";
import { chosen, toggled } from "../../src/panels/query/LevelsControl";
import { RowText } from "../../src/panels/task/RowText";
import { button, clear, draw, host, labeled, show } from "../bench";
import { column, FakeModel, settle, snapshot, stats } from "../model";

const HOSTILE = '<img src=x onerror="globalThis.hacked = true">';

afterEach(clear);

describe("the workbench", () => {
  it("shows the four steps and only the panels asked for", async () => {
    show(new FakeModel(snapshot()));
    expect([...host.querySelectorAll("h3")].map((h) => h.textContent)).toEqual([
      "Data",
      "Task",
      "Train",
      "Query",
    ]);
    clear();
    show(new FakeModel(snapshot(), ["train"]));
    expect(host.querySelectorAll("section.tw-card")).toHaveLength(1);
  });

  it("writes hostile names as text, everywhere", async () => {
    const levels = [HOSTILE, "fine"];
    const columns = [
      column(HOSTILE, { note: HOSTILE }),
      column(`${HOSTILE}2`, { kind: "categorical", levels, low: null, high: null }),
    ];
    const answer = {
      number: 1,
      target: HOSTILE,
      kind: "numeric" as const,
      records: [{ value: 1, probability: 1 }],
      headline: HOSTILE,
      detail: HOSTILE,
      seconds: 0.01,
      python: HOSTILE,
      formula: HOSTILE,
    };
    const question = { formula: HOSTILE, target: HOSTILE, given: {} };
    const table = { name: HOSTILE, rows: 3, columns };
    const run = { ...stats(), number: 1, next: 0, curve: [], examples: [HOSTILE] };
    const model = new FakeModel(snapshot({ table, ready: true, answer, question, run }));
    show(model);
    await settle();
    const preview = model.sent.findIndex((one) => one.kind === "preview");
    const spans = [{ column: HOSTILE, name: [0, 4], value: [5, 9] }];
    model.reply(preview, { text: HOSTILE, spans, row: 0, tokens: [], read: 99, labels: [] });
    await settle();
    expect(host.querySelectorAll("img")).toHaveLength(0);
    expect(host.querySelector("[onerror]")).toBeNull();
    expect(host.textContent).toContain(HOSTILE);
  });

  it("asks with a text once the typing rests, and never for one", async () => {
    const columns = [
      column("size"),
      column("said", { kind: "text", role: "evidence", low: null, high: null }),
    ];
    const question = { formula: "size", target: "size", given: {} };
    const table = { name: "toy", rows: 3, columns };
    const model = new FakeModel(snapshot({ table, ready: true, question }));
    show(model);
    await settle();
    const offered = [...labeled<HTMLSelectElement>("Asked column").options];
    expect(offered.map((one) => one.value)).not.toContain("said");
    const box = labeled<HTMLTextAreaElement>("said text");
    for (const text of ["it was", "it was kind"]) {
      box.value = text;
      box.dispatchEvent(new Event("input", { bubbles: true }));
    }
    await new Promise((resolve) => setTimeout(resolve, 400));
    const asked = model.sent.filter((one) => one.kind === "ask").map((one) => one.payload.given);
    expect(asked.at(-1)).toEqual({ said: { op: "is", value: "it was kind" } });
    expect(asked).not.toContainEqual({ said: { op: "is", value: "it was" } });
  });

  it("offers what a pretrained backend needs, and of backends that are not installed the command", async () => {
    const model = new FakeModel(snapshot());
    show(model);
    const backend = labeled<HTMLSelectElement>("Backend");
    const offered = [...backend.options];
    expect(offered.map((one) => one.disabled)).toEqual([false, false, true]);
    expect(offered[2]?.textContent).toContain("pip install it");
    expect(host.querySelector('[aria-label="Base model"]')).toBeNull();
    backend.value = "huggingface";
    backend.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    const sent = () => model.sent.filter((one) => one.kind === "choose").at(-1)?.payload;
    expect(sent()).toEqual({ backend: "huggingface" });
    const choices = { ...snapshot().choices, backend: "huggingface", rank: 16 };
    model.update(snapshot({ choices }));
    await settle();
    const base = labeled<HTMLInputElement>("Base model");
    expect(base.placeholder).toBe("base");
    base.value = "a/model";
    base.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    base.dispatchEvent(new Event("blur"));
    await settle();
    expect(sent()).toEqual({ model: "a/model" });
    const tuned = labeled<HTMLSelectElement>("What is tuned");
    expect(tuned.value).toBe("16");
    tuned.value = "";
    tuned.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(sent()).toEqual({ rank: null });
  });

  it("says what training takes, with its advice", async () => {
    const model = new FakeModel(snapshot());
    show(model);
    await settle();
    const cost = {
      n_parameters: 1_000_000,
      n_trained: 5_000,
      tokens_per_row: 40,
      seconds_per_epoch: 75,
      memory: 2e9,
      free: 1e9,
      advice: "Take less.",
    };
    model.reply(
      model.sent.findIndex((one) => one.kind === "cost"),
      { cost },
    );
    await settle();
    const said = labeled("What training takes").textContent;
    expect(said).toContain("1,000,000 parameters, 5,000 of them trained");
    expect(said).toContain("about 1 min 15 s a pass over the rows · 2.0 GB of 1.0 GB free");
    expect(said).toContain("Take less.");
  });

  it("shows the kernel's error and keeps what is there", async () => {
    const model = new FakeModel(snapshot());
    show(model);
    button("Train").click();
    await settle();
    model.fail(
      model.sent.findIndex((one) => one.kind === "start"),
      "column 'x' is empty",
    );
    await settle();
    expect(host.querySelector('[role="alert"]')?.textContent).toBe("column 'x' is empty");
    expect(labeled("Columns").children).toHaveLength(2);
  });

  it("stays as a static view, controls off, when the kernel goes", async () => {
    const model = new FakeModel(snapshot());
    show(model);
    await settle();
    model.trigger("comm_live_update");
    await settle();
    expect(host.querySelector('[role="status"]')?.textContent).toContain("static view");
    expect(host.querySelector("fieldset")?.disabled).toBe(true);
    expect(host.textContent).toContain("toy");
  });
});

describe("a query", () => {
  const question = { formula: "g", target: "g", given: {} };
  const answer = {
    number: 1,
    target: "g",
    kind: "categorical" as const,
    records: [
      { value: "a", probability: 0.7 },
      { value: "b", probability: 0.3 },
    ],
    headline: "a 70%",
    detail: "",
    seconds: 0.004,
    python: 'lm.conditional("g")',
    formula: "g",
  };

  it("asks when a slider moves", async () => {
    const model = new FakeModel(snapshot({ ready: true, question, answer }));
    show(model);
    await settle();
    const slider = labeled<HTMLInputElement>("x slider");
    slider.value = "4";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    const asked = model.sent.filter((one) => one.kind === "ask").map((one) => one.payload);
    expect(asked).toEqual([{ target: "g", given: { x: { op: "is", value: 4 } } }]);
  });

  it("does not move the slider back while its own question is under way", async () => {
    const model = new FakeModel(snapshot({ ready: true, question, answer }));
    show(model);
    await settle();
    const slider = labeled<HTMLInputElement>("x slider");
    slider.value = "4";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    model.update(snapshot({ ready: true, question, answer }));
    await settle();
    expect(labeled<HTMLInputElement>("x slider").value).toBe("4");
  });

  it("follows what another view asked", async () => {
    const model = new FakeModel(snapshot({ ready: true, question, answer }));
    show(model);
    await settle();
    const given = { x: { op: "is" as const, value: 7 } };
    const other = { formula: "g | x=7", target: "g", given };
    model.update(snapshot({ ready: true, question: other, answer: { ...answer, number: 2 } }));
    await settle();
    expect(labeled<HTMLInputElement>("x slider").value).toBe("7");
    expect(labeled<HTMLInputElement>("Formula").value).toBe("g | x=7");
  });
});

describe("evidence", () => {
  it("turns chips into a value or a set", () => {
    expect(toggled([], "a")).toEqual({ op: "is", value: "a" });
    expect(toggled(["a"], "b")).toEqual({ op: "in", values: ["a", "b"] });
    expect(toggled(["a"], "a")).toBeNull();
    expect(chosen({ op: "not in", values: ["a"] }, ["a", "b", "c"])).toEqual(["b", "c"]);
  });

  it("turns sliders into values and ranges, dates into text and back", () => {
    const line = lineOf(column("x"));
    expect(single(2, line)).toEqual({ op: "is", value: 2 });
    expect(range(5, 2, line)).toEqual({ op: "between", low: 2, high: 5, closed: "both" });
    expect(endsOf({ op: "above", value: 3, inclusive: false }, line)).toEqual([3, 10]);
    const dates = lineOf(column("d", { kind: "datetime", low: 0, high: 86400 * 30 }));
    const day = single(86400, dates);
    expect(day).toEqual({ op: "is", value: "1970-01-02T00:00:00" });
    expect(endsOf(day, dates)).toEqual([86400, 86400]);
  });
});

describe("a slider", () => {
  it("stops at round numbers whatever the lowest value is", () => {
    const line = lineOf(column("x", { low: 32.1, high: 59.6 }));
    expect(line).toEqual({ low: 32, high: 59.6, step: 0.2, date: false });
  });
});

describe("a distribution of many levels", () => {
  it("keeps the likeliest in their order and sums up the rest", () => {
    const records = Array.from({ length: 50 }, (_, i) => ({
      value: `v${i}`,
      probability: i / 1225,
    }));
    const rows = condensed(records);
    expect(rows).toHaveLength(20);
    expect(rows[0]?.value).toBe("v31");
    expect(rows.at(-1)?.value).toBe("31 others");
    expect(rows.reduce((sum, row) => sum + row.probability, 0)).toBeCloseTo(1);
  });
});

describe("a serialized row", () => {
  const preview: Preview = {
    text: "𝒳:1|b:2",
    spans: [
      { column: "𝒳", name: [0, 1], value: [2, 3] },
      { column: "b", name: [4, 5], value: [6, 7] },
    ],
    row: 0,
    tokens: [],
    read: 7,
    labels: [],
  };

  it("is cut into tokens, and those are marked that are learned", () => {
    const tokens: Preview["tokens"] = [
      [2, false],
      [4, true],
      [6, false],
      [7, true],
    ];
    draw(<RowText preview={{ ...preview, tokens }} columns={["𝒳", "b"]} label="Row" />);
    expect(host.textContent).toBe("𝒳:1|b:2");
    const texts = (mark: string) => [...host.querySelectorAll(mark)].map((n) => n.textContent);
    // The name and what stands after it are one token in two parts, of which the last one ends.
    expect(texts(".tw-token")).toEqual(["𝒳", ":", "1", "|", "b", ":", "2"]);
    expect(texts(".tw-token-end")).toEqual([":", "|", ":", "2"]);
    expect(texts(".tw-token-learned")).toEqual(["1", "|", "2"]);
  });

  it("is cut by code points, as Python counts them", () => {
    draw(<RowText preview={preview} columns={["𝒳", "b"]} label="Row" />);
    expect(host.textContent).toBe("𝒳:1|b:2");
    expect([...host.querySelectorAll(".tw-cell-value")].map((n) => n.textContent)).toEqual([
      "1",
      "2",
    ]);
  });
});

describe("the static picture", () => {
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
