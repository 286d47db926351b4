import { afterEach, describe, expect, it } from "vitest";
import type { RunSummary } from "../../../src/core/protocol";
import { sorted } from "../../../src/panels/labels/ClassTable";
import { topLabels } from "../../../src/panels/labels/LabelBars";
import { heights } from "../../../src/panels/labels/Threshold";
import type { LabelReport, LabelRow } from "../../../src/panels/labels/types";
import { countWords, pieces, strength } from "../../../src/panels/labels/words";
import { button, clear, enter, host, labeled, show } from "../../bench";
import { answer, asked, FakeModel, run, settle, textState, textTask } from "../../model";

const HOSTILE = '<img src=x onerror="globalThis.hacked = true">';
function classRow(label: string, more: Partial<LabelRow> = {}): LabelRow {
  return {
    label,
    support: 5,
    precision: 0.5,
    recall: 0.5,
    f1: 0.5,
    threshold: 0.4,
    has: [0, 1],
    lacks: [4, 0],
    ...more,
  };
}

function report(more: Partial<LabelReport> = {}): LabelReport {
  return {
    multi: true,
    rows: 40,
    f1_micro: 0.871,
    f1_macro: 0.7,
    accuracy: 0.6,
    half: { f1_micro: 0.83, f1_macro: 0.65, accuracy: 0.55 },
    classes: [
      classRow("sport", { support: 9, f1: 0.4 }),
      classRow("culture", { support: 3, f1: 0.9 }),
      classRow("law", { support: 20, f1: 0.6 }),
    ],
    ...more,
  };
}

/** The traits while the model can be queried. */
function ready(shown: LabelReport | null = report(), of: RunSummary | null = null) {
  return textState({ train: { ready: true, run: of }, labels: { report: shown } });
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
}

const LABELS = [
  { label: "sport", probability: 0.9, chosen: true },
  { label: "law", probability: 0.45, chosen: true },
  { label: "culture", probability: 0.1, chosen: false },
];

/** A panel with an example and its predicted labels. */
async function predicted(text: string, truth: string[], labels = LABELS): Promise<FakeModel> {
  const model = new FakeModel(ready());
  show(model);
  await settle();
  await answer(model, "example", { text, labels: truth });
  await answer(model, "label", { labels, seconds: 0.012, python: "model.predict(texts)" });
  return model;
}

afterEach(clear);

describe("label metrics", () => {
  it("wait for training, and then for the first evaluation", async () => {
    const model = new FakeModel(textState());
    show(model);
    await settle();
    const panel = () => labeled("Labels").textContent;
    expect(panel()).toContain("Once training starts");
    model.update(textState({ train: { run: run() } }));
    await settle();
    expect(panel()).toContain("Preparing the model");
    expect(asked(model, "example")).toEqual([]);
    model.update(ready(null, run()));
    await settle();
    expect(panel()).toContain("first evaluation");
    expect(asked(model, "example")).toEqual([{ draw: 0 }]);
  });

  it("compare tuned thresholds with 0.5", () => {
    show(new FakeModel(ready()));
    const metrics = labeled("Validation metrics");
    expect(metrics.children[0]?.textContent).toBe("F1 micro0.8710.830 at threshold 0.5");
    expect(labeled("Labels").textContent).toContain("40 validation rows");
  });

  it("have no thresholds where the most likely label is predicted", () => {
    const classes = [classRow("a", { threshold: null, has: [], lacks: [] })];
    const single = report({ multi: false, half: null, classes });
    show(new FakeModel(ready(single)));
    expect(host.querySelector('[aria-label="a threshold slider"]')).toBeNull();
    expect(labeled("Labels").textContent).not.toContain("hreshold");
  });

  it("have no comparison where no thresholds are tuned", () => {
    show(new FakeModel(ready(report({ half: null }))));
    expect(labeled("Validation metrics").children[0]?.textContent).toBe("F1 micro0.871");
    expect(labeled("sport threshold value")).not.toBeNull();
  });

  it("include the current thresholds during training", () => {
    const classes = [classRow("sport", { has: [], lacks: [] })];
    show(new FakeModel(ready(report({ classes }), run())));
    const metrics = labeled("Validation metrics");
    expect(metrics.children[0]?.textContent).toBe("F1 micro0.8710.830 at threshold 0.5");
    expect(labeled("Labels").textContent).toContain("Thresholds can be adjusted after training.");
  });

  it("sort by a header, and back by a second click", async () => {
    show(new FakeModel(ready()));
    const order = () => [...host.querySelectorAll("tbody th")].map((one) => one.textContent);
    expect(order()).toEqual(["law", "sport", "culture"]);
    labeled("Sort by F1").click();
    await settle();
    expect(order()).toEqual(["culture", "law", "sport"]);
    labeled("Sort by F1").click();
    await settle();
    expect(order()).toEqual(["sport", "law", "culture"]);
    expect(labeled("Sort by F1").parentElement?.getAttribute("aria-sort")).toBe("ascending");
    const rows = report().classes;
    expect(sorted(rows, { by: "label", down: false })).toEqual(["culture", "law", "sport"]);
  });

  it("leave a row in its place while its threshold moves", async () => {
    const model = new FakeModel(ready());
    show(model);
    labeled("Sort by F1").click();
    await settle();
    enter("culture threshold slider", "0.9");
    const classes = report().classes.map((row) => ({ ...row, f1: 1 - row.f1 }));
    await answer(model, "thresholds", { report: report({ classes }) });
    const order = [...host.querySelectorAll("tbody th")].map((one) => one.textContent);
    expect(order).toEqual(["culture", "law", "sport"]);
    expect(host.querySelector("tbody tr")?.textContent).toContain("0.10");
  });
});

describe("a threshold", () => {
  it("is sent as dragged, the newest only, and shown at once", async () => {
    const model = new FakeModel(ready());
    show(model);
    await settle();
    for (const value of ["0.5", "0.6", "0.7"]) enter("sport threshold slider", value);
    await settle();
    expect(asked(model, "thresholds")).toEqual([{ set: { sport: 0.5 } }]);
    expect(labeled<HTMLInputElement>("sport threshold value").value).toBe("0.700");
    const late = report({ f1_micro: 0.1 });
    await answer(model, "thresholds", { report: late });
    expect(asked(model, "thresholds").at(-1)).toEqual({ set: { sport: 0.7 } });
    expect(asked(model, "thresholds")).toHaveLength(2);
    expect(labeled("F1 micro").textContent).toBe("0.871");
    const classes = [classRow("sport", { threshold: 0.7 })];
    await answer(model, "thresholds", { report: report({ f1_micro: 0.9, classes }) });
    expect(labeled("F1 micro").textContent).toBe("0.900");
    expect(labeled<HTMLInputElement>("sport threshold value").value).toBe("0.700");
  });

  it("of one label is not lost when that of another moves before the answer", async () => {
    const model = new FakeModel(ready());
    show(model);
    await settle();
    enter("sport threshold slider", "0.5");
    enter("law threshold slider", "0.2");
    enter("culture threshold value", "0.3", "change");
    await settle();
    await answer(model, "thresholds", { report: report() });
    const set = { sport: 0.5, law: 0.2, culture: 0.3 };
    expect(asked(model, "thresholds").at(-1)).toEqual({ set });
  });

  it("adjusted while all are reset is sent after them", async () => {
    const model = new FakeModel(ready());
    show(model);
    await settle();
    button("All 0.5").click();
    button("Tuned").click();
    enter("sport threshold slider", "0.5");
    await settle();
    await answer(model, "thresholds", { report: report() });
    await answer(model, "thresholds", { report: report() });
    expect(asked(model, "thresholds")).toEqual([
      { take: "half" },
      { take: "tuned" },
      { set: { sport: 0.5 } },
    ]);
  });

  it("outside 0 to 1 is rejected, and one that the kernel rejects goes back", async () => {
    const model = new FakeModel(ready());
    show(model);
    await settle();
    enter("sport threshold value", "1.5", "change");
    expect(asked(model, "thresholds")).toEqual([]);
    expect(labeled<HTMLInputElement>("sport threshold value").value).toBe("0.400");
    enter("sport threshold slider", "0.8");
    model.fail(model.sent.length - 1, "train first");
    await settle();
    expect(host.querySelector('[role="alert"]')?.textContent).toBe("train first");
    expect(labeled<HTMLInputElement>("sport threshold value").value).toBe("0.400");
  });

  it("is shown without a slider during training", () => {
    const classes = [classRow("sport", { has: [], lacks: [] })];
    show(new FakeModel(ready(report({ classes }))));
    expect(host.querySelector('[aria-label="sport threshold slider"]')).toBeNull();
    expect(host.querySelector("tbody tr")?.textContent).toContain("0.400");
  });

  it("has bars in which a single row is visible", () => {
    expect(heights([0, 400, 1])).toEqual([0, 1, 0.1]);
  });
});

describe("a text prediction", () => {
  it("starts with an example, and shows which labels are correct", async () => {
    const model = await predicted("A goal", ["sport", "culture"]);
    expect(labeled<HTMLTextAreaElement>("Text").value).toBe("A goal");
    const chips = [...labeled("True labels").children].map((one) => one.textContent);
    expect(chips).toEqual(["sportfound", "culturemissed"]);
    const bars = [...labeled("Label probabilities").querySelectorAll("button")];
    expect(bars.map((one) => one.getAttribute("aria-label"))).toEqual([
      "sport 90%, predicted, correct",
      "law 45%, predicted, wrong",
      "culture 10%",
    ]);
    button("Next example").click();
    expect(asked(model, "example")).toEqual([{ draw: 0 }, { draw: 1 }]);
  });

  it("changes with the threshold of a label", async () => {
    await predicted("A goal", []);
    enter("law threshold slider", "0.5");
    await settle();
    expect(labeled("law 45%")).not.toBeNull();
    enter("culture threshold slider", "0.1");
    await settle();
    expect(labeled("culture 10%, predicted, wrong")).not.toBeNull();
  });

  it("is requested when typing pauses", async () => {
    const model = await predicted("A goal", ["sport"]);
    for (const text of ["A pen", "A penalty"]) {
      enter("Text", text);
      await settle();
    }
    expect(host.querySelector('[aria-label="True labels"]')).toBeNull();
    await pause();
    expect(asked(model, "label")).toEqual([{ text: "A goal" }, { text: "A penalty" }]);
    enter("Text", " ");
    await pause();
    await answer(model, "label", { labels: LABELS, seconds: 0.01, python: "" });
    expect(host.querySelector('[aria-label="Label probabilities"]')).toBeNull();
  });

  it("keeps a typed text when an example arrives late", async () => {
    const model = new FakeModel(ready());
    show(model);
    await settle();
    enter("Text", "mine");
    await answer(model, "example", { text: "late", labels: [] });
    expect(labeled<HTMLTextAreaElement>("Text").value).toBe("mine");
  });

  it("is repeated once when training ends, not before", async () => {
    const model = new FakeModel(ready(report(), run()));
    show(model);
    await settle();
    await answer(model, "example", { text: "A goal", labels: [] });
    await answer(model, "label", { labels: LABELS, seconds: 0.01, python: "" });
    await answer(model, "words", { label: "sport", probability: 0.9, words: [], read: 6 });
    const fresh = report({ f1_micro: 0.95 });
    model.update(ready(fresh, run({ next: 1 })));
    await settle();
    expect(labeled("F1 micro").textContent).toBe("0.950");
    expect(asked(model, "label")).toHaveLength(1);
    expect(asked(model, "words")).toHaveLength(1);
    const done = run({ next: 2, status: "done" });
    model.update(ready(fresh, done));
    await settle();
    expect(asked(model, "label")).toHaveLength(2);
    await answer(model, "label", { labels: LABELS, seconds: 0.01, python: "" });
    model.update(ready(fresh, run({ number: 2 })));
    await settle();
    expect(asked(model, "label")).toHaveLength(2);
  });

  it("shows ten labels, including all that are predicted", () => {
    const many = Array.from({ length: 22 }, (_, i) => ({
      label: `l${i}`,
      probability: 1 - i / 22,
      chosen: i === 21,
    }));
    const shown = topLabels(many).map((one) => one.label);
    expect(shown).toEqual(["l0", "l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "l21"]);
  });
});

describe("word attributions", () => {
  const text = "😀 A goal, no law";
  const words = [
    { start: 2, end: 3, effect: 0.02, without: 0.9, n_words: 1 },
    { start: 4, end: 8, effect: 2, without: 0.61, n_words: 1 },
    { start: 10, end: 12, effect: 0, without: 0.9, n_words: 1 },
    { start: 13, end: 16, effect: -1, without: 0.96, n_words: 1 },
  ];

  it("split the text by code points, as in Python", () => {
    const found = pieces(text, words, 16);
    expect(found.filter((one) => one.word).map((one) => one.text)).toEqual([
      "A",
      "goal",
      "no",
      "law",
    ]);
    expect(found.map((one) => one.text).join("")).toBe(text);
  });

  it("are scaled to the strongest, but faint if all are weak", () => {
    expect(words.map((word) => strength(word.effect, words))).toEqual([0.01, 1, 0, 0.5]);
    const [faint] = [{ start: 0, end: 1, effect: 0.05, without: 0.5, n_words: 1 }];
    expect(faint && strength(faint.effect, [faint])).toBeCloseTo(0.1);
  });

  it("are tinted by their effect on the label in focus, and described", async () => {
    const model = await predicted(text, ["sport"]);
    expect(asked(model, "words")).toEqual([{ text, label: "sport" }]);
    await answer(model, "words", { label: "sport", probability: 0.97, words, read: 16 });
    const goal = labeled("without ‘goal’: sport 97% → 61%");
    expect(goal.textContent).toBe("goal");
    expect(goal.className).toContain("tw-for");
    expect(goal.style.getPropertyValue("--tw-strength")).toBe("1.000");
    expect(labeled("without ‘law’: sport 97% → 96%").className).toContain("tw-against");
    expect(labeled("Word attributions for sport").textContent).toBe(text);
    labeled("culture 10%").click();
    await settle();
    expect(asked(model, "words").at(-1)).toEqual({ text, label: "culture" });
    expect(labeled("Word attributions for sport").getAttribute("aria-busy")).toBe("true");
    await answer(model, "words", { label: "culture", probability: 0.1, words, read: 16 });
    expect(labeled("Word attributions for culture").getAttribute("aria-busy")).toBe("false");
  });

  it("come in pieces for a long text, the strongest of which are split further", async () => {
    const model = await predicted("a b c d", ["sport"]);
    const ab = { start: 0, end: 3, effect: 0.5, without: 0.8, n_words: 2 };
    const cd = { start: 4, end: 7, effect: -2, without: 0.99, n_words: 2 };
    await answer(model, "words", { label: "sport", probability: 0.9, words: [ab, cd], read: 7 });
    expect(labeled("without ‘c d’: sport 90% → 99%").textContent).toBe("c d");
    expect(asked(model, "words").at(-1)).toEqual({
      text: "a b c d",
      label: "sport",
      within: [4, 7],
    });
    const c = { ...cd, end: 5, n_words: 1 };
    const d = { ...cd, start: 6, effect: 0, without: 0.9, n_words: 1 };
    await answer(model, "words", { label: "sport", probability: 0.9, words: [c, d], read: 7 });
    expect(labeled("without ‘c’: sport 90% → 99%").textContent).toBe("c");
    expect(labeled("without ‘a b’: sport 90% → 80%").textContent).toBe("a b");
    expect(asked(model, "words").at(-1)?.within).toEqual([0, 3]);
    const a = { ...ab, end: 1, n_words: 1 };
    await answer(model, "words", {
      label: "sport",
      probability: 0.9,
      read: 7,
      words: [a, { ...a, start: 2, end: 3 }],
    });
    expect(asked(model, "words")).toHaveLength(3);
    expect(labeled("Word attributions for sport").querySelectorAll("[role=option]")).toHaveLength(
      4,
    );
  });

  it("are navigated with the arrow keys", async () => {
    const model = await predicted(text, ["sport"]);
    await answer(model, "words", { label: "sport", probability: 0.97, words, read: 16 });
    labeled("without ‘A’: sport 97% → 90%").focus();
    await settle();
    const press = async (key: string) => {
      document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      await settle();
      return document.activeElement?.textContent;
    };
    expect(await press("ArrowRight")).toBe("goal");
    expect(host.querySelector(".tw-pointed")?.textContent).toContain("without ‘goal’");
    expect(await press("End")).toBe("law");
    expect(await press("ArrowLeft")).toBe("no");
  });
});

describe("truncated words", () => {
  const word = (start: number, end: number, effect: number, n_words = 1) => ({
    start,
    end,
    effect,
    without: 0.5,
    n_words,
  });

  it("are one piece at the end, also where an attribution reaches into them", () => {
    const found = pieces("😀 a b c", [word(0, 1, 1), word(2, 5, 1, 2), word(6, 7, 1)], 3);
    expect(found.map((one) => [one.text, Boolean(one.word), one.truncated])).toEqual([
      ["😀", true, false],
      [" ", false, false],
      ["a", true, false],
      [" b c", false, true],
    ]);
    const [one, rest] = pieces("goals now", [word(0, 5, 1), word(6, 9, 0)], 2);
    expect([one?.text, rest?.text]).toEqual(["goals", " now"]);
    expect(countWords("😀 it’s a-b\n東京 ")).toBe(5);
  });

  it("are dim, never tinted, and marked as truncated", async () => {
    const text = "😀 A goal, no law";
    const model = await predicted(text, ["sport"]);
    const words = [word(0, 1, 0.1), word(2, 3, 0), word(4, 8, 2), word(10, 16, 0, 2)];
    await answer(model, "words", { label: "sport", probability: 0.97, words, read: 9 });
    const list = labeled("Word attributions for sport");
    const listed = [...list.querySelectorAll<HTMLElement>("[role=option]")];
    expect(listed.map((one) => one.textContent)).toEqual(["😀", "A", "goal"]);
    const truncated = [...list.querySelectorAll<HTMLElement>(".tw-cut")];
    expect(truncated.map((one) => one.textContent)).toEqual([" no law"]);
    expect(truncated[0]?.title).toBe("truncated");
    expect(truncated[0]?.closest(".tw-word")).toBeNull();
    expect(list.textContent).toBe(text);
    expect(labeled("Try a text").textContent).toContain("Only the first 3 words are model input.");
    // The arrow keys skip truncated words.
    listed[2]?.focus();
    listed[2]?.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
    await settle();
    expect(document.activeElement?.textContent).toBe("goal");
    // Truncated pieces are not split further.
    expect(asked(model, "words")).toHaveLength(1);
  });

  it("are not mentioned where nothing is truncated", async () => {
    const model = await predicted("A goal", ["sport"]);
    await answer(model, "words", { label: "sport", probability: 0.9, words: [], read: 6 });
    expect(labeled("Try a text").textContent).not.toContain("Only the first");
    expect(host.querySelector(".tw-cut")).toBeNull();
  });
});

describe("hostile texts and labels", () => {
  it("are written as text", async () => {
    const classes = [classRow(HOSTILE)];
    const columns = { texts: [HOSTILE], labels: [HOSTILE] };
    const task = textTask({ ...columns, delimiter: HOSTILE }, { ...columns, command: HOSTILE });
    const model = new FakeModel({
      ...ready(report({ classes }), run({ examples: [HOSTILE] })),
      task,
    });
    show(model);
    await settle();
    const read = { text: HOSTILE, spans: [], row: 0, tokens: [], read: 99, labels: [HOSTILE] };
    await answer(model, "preview", read);
    await answer(model, "example", { text: HOSTILE, labels: [HOSTILE] });
    const labels = [{ label: HOSTILE, probability: 0.9, chosen: true }];
    await answer(model, "label", { labels, seconds: 0.01, python: HOSTILE });
    const words = [{ start: 0, end: 9, effect: 1, without: 0.5, n_words: 1 }];
    await answer(model, "words", { label: HOSTILE, probability: 0.9, words, read: 99 });
    expect(labeled(`Word attributions for ${HOSTILE}`).textContent).toBe(HOSTILE);
    expect(host.querySelectorAll("img")).toHaveLength(0);
    expect(host.querySelector("[onerror]")).toBeNull();
  });
});
