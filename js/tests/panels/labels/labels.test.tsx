import { afterEach, describe, expect, it } from "vitest";
import type { LabelReport, LabelRow } from "../../../src/core/protocol";
import { sorted } from "../../../src/panels/labels/ClassTable";
import { foremost } from "../../../src/panels/labels/LabelBars";
import { heights } from "../../../src/panels/labels/Threshold";
import { countWords, pieces, strength } from "../../../src/panels/labels/words";
import { LabelChips } from "../../../src/ui/chips";
import sheetOfLabels from "../../../src/ui/labels.css?raw";
import { button, clear, draw, enter, host, labeled, show } from "../../bench";
import { answer, asked, FakeModel, settle, snapshot, stats, texts } from "../../model";

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

async function rested(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
}

const LABELS = [
  { label: "sport", probability: 0.9, chosen: true },
  { label: "law", probability: 0.45, chosen: true },
  { label: "culture", probability: 0.1, chosen: false },
];

/** A panel that is ready, with an example and its labels. */
async function tried(text: string, truth: string[], labels = LABELS): Promise<FakeModel> {
  const model = new FakeModel(texts({ ready: true, report: report() }));
  show(model);
  await settle();
  await answer(model, "example", { text, labels: truth });
  await answer(model, "label", { labels, seconds: 0.012, python: "model.predict(texts)" });
  return model;
}

afterEach(clear);

describe("the panel of labels", () => {
  it("takes the place of the query, and gives it back", async () => {
    const model = new FakeModel(texts());
    show(model);
    await settle();
    const titles = () => [...host.querySelectorAll("h3")].map((one) => one.textContent);
    expect(titles()).toEqual(["Data", "Task", "Train", "Labels"]);
    expect(host.querySelector('[aria-label="Target column"]')).toBeNull();
    expect(host.querySelector('[aria-label="Backend"]')).toBeNull();
    model.update(snapshot());
    await settle();
    expect(titles()).toEqual(["Data", "Task", "Train", "Query"]);
    expect(labeled("Target column")).not.toBeNull();
    expect(host.querySelector('[aria-label="Columns read"]')).toBeNull();
  });
});

describe("figures of labels", () => {
  it("wait for training, and then for the first evaluation", async () => {
    const model = new FakeModel(texts());
    show(model);
    await settle();
    const panel = () => labeled("Labels").textContent;
    expect(panel()).toContain("Once it trains");
    const run = { ...stats(), number: 1, next: 0, curve: [], examples: [] };
    model.update(texts({}, { run }));
    await settle();
    expect(panel()).toContain("being prepared");
    expect(asked(model, "example")).toEqual([]);
    model.update(texts({ ready: true }, { run }));
    await settle();
    expect(panel()).toContain("first evaluation");
    expect(asked(model, "example")).toEqual([{ draw: 0 }]);
  });

  it("show what the thresholds bring", () => {
    show(new FakeModel(texts({ ready: true, report: report() })));
    const figures = labeled("Figures of the validation rows");
    expect(figures.children[0]?.textContent).toBe("F1 micro0.8710.830 at thresholds of 0.5");
    expect(labeled("Labels").textContent).toContain("40 validation rows");
  });

  it("have no thresholds where the likeliest label is taken", () => {
    const classes = [classRow("a", { threshold: null, has: [], lacks: [] })];
    const single = report({ multi: false, half: null, classes });
    show(new FakeModel(texts({ ready: true, report: single })));
    expect(host.querySelector('[aria-label="a threshold slider"]')).toBeNull();
    expect(labeled("Labels").textContent).not.toContain("hreshold");
  });

  it("stand alone where no thresholds are tuned", () => {
    show(new FakeModel(texts({ ready: true, report: report({ half: null }) })));
    expect(labeled("Figures of the validation rows").children[0]?.textContent).toBe(
      "F1 micro0.871",
    );
    expect(labeled("sport threshold value")).not.toBeNull();
  });

  it("show what the thresholds of the moment bring while it trains", () => {
    const classes = [classRow("sport", { has: [], lacks: [] })];
    const run = { ...stats(), number: 1, next: 0, curve: [], examples: [] };
    show(new FakeModel(texts({ ready: true, report: report({ classes }) }, { run })));
    const figures = labeled("Figures of the validation rows");
    expect(figures.children[0]?.textContent).toBe("F1 micro0.8710.830 at thresholds of 0.5");
    expect(labeled("Labels").textContent).toContain("Thresholds can be moved once it is trained.");
  });

  it("sort by a header, and back by a second click", async () => {
    show(new FakeModel(texts({ ready: true, report: report() })));
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
    const model = new FakeModel(texts({ ready: true, report: report() }));
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
    const model = new FakeModel(texts({ ready: true, report: report() }));
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
    const model = new FakeModel(texts({ ready: true, report: report() }));
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

  it("that moves while all are taken from F1 is sent after them", async () => {
    const model = new FakeModel(texts({ ready: true, report: report() }));
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

  it("outside of 0 to 1 is not taken, and one that is refused goes back", async () => {
    const model = new FakeModel(texts({ ready: true, report: report() }));
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

  it("is only said while it trains", () => {
    const classes = [classRow("sport", { has: [], lacks: [] })];
    show(new FakeModel(texts({ ready: true, report: report({ classes }) })));
    expect(host.querySelector('[aria-label="sport threshold slider"]')).toBeNull();
    expect(host.querySelector("tbody tr")?.textContent).toContain("0.400");
  });

  it("stands over bars that a single row is seen in", () => {
    expect(heights([0, 400, 1])).toEqual([0, 1, 0.1]);
  });
});

describe("a text tried", () => {
  it("is an example first, and says which labels are right", async () => {
    const model = await tried("A goal", ["sport", "culture"]);
    expect(labeled<HTMLTextAreaElement>("Text").value).toBe("A goal");
    const chips = [...labeled("True labels").children].map((one) => one.textContent);
    expect(chips).toEqual(["sportfound", "culturemissed"]);
    const bars = [...labeled("Probabilities of the labels").querySelectorAll("button")];
    expect(bars.map((one) => one.getAttribute("aria-label"))).toEqual([
      "sport 90%, chosen, right",
      "law 45%, chosen, wrong",
      "culture 10%",
    ]);
    button("Next example").click();
    expect(asked(model, "example")).toEqual([{ draw: 0 }, { draw: 1 }]);
  });

  it("gets or loses a label as its threshold moves", async () => {
    await tried("A goal", []);
    enter("law threshold slider", "0.5");
    await settle();
    expect(labeled("law 45%")).not.toBeNull();
    enter("culture threshold slider", "0.1");
    await settle();
    expect(labeled("culture 10%, chosen, wrong")).not.toBeNull();
  });

  it("is asked for once the typing rests", async () => {
    const model = await tried("A goal", ["sport"]);
    for (const text of ["A pen", "A penalty"]) {
      enter("Text", text);
      await settle();
    }
    expect(host.querySelector('[aria-label="True labels"]')).toBeNull();
    await rested();
    expect(asked(model, "label")).toEqual([{ text: "A goal" }, { text: "A penalty" }]);
    enter("Text", " ");
    await rested();
    await answer(model, "label", { labels: LABELS, seconds: 0.01, python: "" });
    expect(host.querySelector('[aria-label="Probabilities of the labels"]')).toBeNull();
  });

  it("that a person types is not taken away by an example that comes late", async () => {
    const model = new FakeModel(texts({ ready: true, report: report() }));
    show(model);
    await settle();
    enter("Text", "mine");
    await answer(model, "example", { text: "late", labels: [] });
    expect(labeled<HTMLTextAreaElement>("Text").value).toBe("mine");
  });

  it("is not asked for again while it trains, but once when it is done", async () => {
    const running = { ...stats(), number: 1, next: 0, curve: [], examples: [] };
    const model = new FakeModel(texts({ ready: true, report: report() }, { run: running }));
    show(model);
    await settle();
    await answer(model, "example", { text: "A goal", labels: [] });
    await answer(model, "label", { labels: LABELS, seconds: 0.01, python: "" });
    await answer(model, "words", { label: "sport", probability: 0.9, words: [], read: 6 });
    const fresh = report({ f1_micro: 0.95 });
    model.update(texts({ ready: true, report: fresh }, { run: { ...running, next: 1 } }));
    await settle();
    expect(labeled("F1 micro").textContent).toBe("0.950");
    expect(asked(model, "label")).toHaveLength(1);
    expect(asked(model, "words")).toHaveLength(1);
    const done = { ...running, next: 2, status: "done" as const };
    model.update(texts({ ready: true, report: fresh }, { run: done }));
    await settle();
    expect(asked(model, "label")).toHaveLength(2);
    await answer(model, "label", { labels: LABELS, seconds: 0.01, python: "" });
    model.update(texts({ ready: true, report: fresh }, { run: { ...running, number: 2 } }));
    await settle();
    expect(asked(model, "label")).toHaveLength(2);
  });

  it("shows ten labels, and of those that were chosen all", () => {
    const many = Array.from({ length: 22 }, (_, i) => ({
      label: `l${i}`,
      probability: 1 - i / 22,
      chosen: i === 21,
    }));
    const shown = foremost(many).map((one) => one.label);
    expect(shown).toEqual(["l0", "l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "l21"]);
  });
});

describe("words", () => {
  const text = "😀 A goal, no law";
  const words = [
    { start: 2, end: 3, effect: 0.02, without: 0.9, n_words: 1 },
    { start: 4, end: 8, effect: 2, without: 0.61, n_words: 1 },
    { start: 10, end: 12, effect: 0, without: 0.9, n_words: 1 },
    { start: 13, end: 16, effect: -1, without: 0.96, n_words: 1 },
  ];

  it("are cut by code points, as Python counts them", () => {
    const found = pieces(text, words, 16);
    expect(found.filter((one) => one.word).map((one) => one.text)).toEqual([
      "A",
      "goal",
      "no",
      "law",
    ]);
    expect(found.map((one) => one.text).join("")).toBe(text);
  });

  it("are as strong as they are beside the strongest, but faint if all are", () => {
    expect(words.map((word) => strength(word.effect, words))).toEqual([0.01, 1, 0, 0.5]);
    const [faint] = [{ start: 0, end: 1, effect: 0.05, without: 0.5, n_words: 1 }];
    expect(faint && strength(faint.effect, [faint])).toBeCloseTo(0.1);
  });

  it("are tinted by what they do for the label in focus, and say it", async () => {
    const model = await tried(text, ["sport"]);
    expect(asked(model, "words")).toEqual([{ text, label: "sport" }]);
    await answer(model, "words", { label: "sport", probability: 0.97, words, read: 16 });
    const goal = labeled("without ‘goal’: sport 97% → 61%");
    expect(goal.textContent).toBe("goal");
    expect(goal.className).toContain("tw-for");
    expect(goal.style.getPropertyValue("--tw-strength")).toBe("1.000");
    expect(labeled("without ‘law’: sport 97% → 96%").className).toContain("tw-against");
    expect(labeled("Words for sport").textContent).toBe(text);
    labeled("culture 10%").click();
    await settle();
    expect(asked(model, "words").at(-1)).toEqual({ text, label: "culture" });
    expect(labeled("Words for sport").getAttribute("aria-busy")).toBe("true");
    await answer(model, "words", { label: "culture", probability: 0.1, words, read: 16 });
    expect(labeled("Words for culture").getAttribute("aria-busy")).toBe("false");
  });

  it("come some at a time in a long text, and the weightiest are parted further", async () => {
    const model = await tried("a b c d", ["sport"]);
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
    expect(labeled("Words for sport").querySelectorAll("[role=option]")).toHaveLength(4);
  });

  it("are gone through by the arrow keys", async () => {
    const model = await tried(text, ["sport"]);
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

describe("words that are not read", () => {
  const word = (start: number, end: number, effect: number, n_words = 1) => ({
    start,
    end,
    effect,
    without: 0.5,
    n_words,
  });

  it("are one piece after the others, also where a piece reaches into them", () => {
    const found = pieces("😀 a b c", [word(0, 1, 1), word(2, 5, 1, 2), word(6, 7, 1)], 3);
    expect(found.map((one) => [one.text, Boolean(one.word), one.unread])).toEqual([
      ["😀", true, false],
      [" ", false, false],
      ["a", true, false],
      [" b c", false, true],
    ]);
    const [one, rest] = pieces("goals now", [word(0, 5, 1), word(6, 9, 0)], 2);
    expect([one?.text, rest?.text]).toEqual(["goals", " now"]);
    expect(countWords("😀 it’s a-b\n東京 ")).toBe(5);
  });

  it("are dim, never tinted, and said not to be read", async () => {
    const text = "😀 A goal, no law";
    const model = await tried(text, ["sport"]);
    const words = [word(0, 1, 0.1), word(2, 3, 0), word(4, 8, 2), word(10, 16, 0, 2)];
    await answer(model, "words", { label: "sport", probability: 0.97, words, read: 9 });
    const list = labeled("Words for sport");
    const listed = [...list.querySelectorAll<HTMLElement>("[role=option]")];
    expect(listed.map((one) => one.textContent)).toEqual(["😀", "A", "goal"]);
    const unread = [...list.querySelectorAll<HTMLElement>(".tw-unread")];
    expect(unread.map((one) => one.textContent)).toEqual([" no law"]);
    expect(unread[0]?.title).toBe("not read");
    expect(unread[0]?.closest(".tw-word")).toBeNull();
    expect(list.textContent).toBe(text);
    expect(labeled("Try a text").textContent).toContain("Only the first 3 words are read.");
    // The arrows go through what is read.
    listed[2]?.focus();
    listed[2]?.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
    await settle();
    expect(document.activeElement?.textContent).toBe("goal");
    // What is not read is not parted further either.
    expect(asked(model, "words")).toHaveLength(1);
  });

  it("are not spoken of where all is read", async () => {
    const model = await tried("A goal", ["sport"]);
    await answer(model, "words", { label: "sport", probability: 0.9, words: [], read: 6 });
    expect(labeled("Try a text").textContent).not.toContain("Only the first");
    expect(host.querySelector(".tw-unread")).toBeNull();
  });
});

describe("a chip of a label", () => {
  it("breaks the label anywhere, and the word beside it nowhere", () => {
    const sheet = document.createElement("style");
    sheet.textContent = sheetOfLabels;
    document.head.append(sheet);
    draw(
      <div class="tw-root">
        <LabelChips label="True" names={["a".repeat(150)]} found={() => false} />
      </div>,
    );
    const style = (mark: string) => getComputedStyle(host.querySelector(mark) as Element);
    expect(style(".tw-truth > span").overflowWrap).toBe("anywhere");
    expect(style(".tw-verdict").overflowWrap).not.toBe("anywhere");
    expect(style(".tw-verdict").flexShrink).toBe("0");
    sheet.remove();
  });
});

describe("hostile texts and labels", () => {
  it("are written as text", async () => {
    const classes = [classRow(HOSTILE)];
    const run = { ...stats(), number: 1, next: 0, curve: [], examples: [HOSTILE] };
    const more = {
      texts: [HOSTILE],
      labels: [HOSTILE],
      delimiter: HOSTILE,
      offers: { texts: [HOSTILE], labels: [HOSTILE] },
      command: HOSTILE,
      ready: true,
      report: report({ classes }),
    };
    const model = new FakeModel(texts(more, { run }));
    show(model);
    await settle();
    const read = { text: HOSTILE, spans: [], row: 0, tokens: [], read: 99, labels: [HOSTILE] };
    await answer(model, "preview", read);
    await answer(model, "example", { text: HOSTILE, labels: [HOSTILE] });
    const labels = [{ label: HOSTILE, probability: 0.9, chosen: true }];
    await answer(model, "label", { labels, seconds: 0.01, python: HOSTILE });
    const words = [{ start: 0, end: 9, effect: 1, without: 0.5, n_words: 1 }];
    await answer(model, "words", { label: HOSTILE, probability: 0.9, words, read: 99 });
    expect(labeled(`Words for ${HOSTILE}`).textContent).toBe(HOSTILE);
    expect(host.querySelectorAll("img")).toHaveLength(0);
    expect(host.querySelector("[onerror]")).toBeNull();
  });
});
