import { afterEach, describe, expect, it } from "vitest";
import type { AnswerSummary } from "../../../src/inference/types";
import { exactly, rowsInWords } from "../../../src/panels/query/AnswerView";
import { clear, host, labeled, show } from "../../bench";
import { answer, answerSummary, asked, FakeModel, questionOf, settle, state } from "../../model";

const MATCHING = {
  rows: 1344,
  matching: 124,
  shares: [0.55, 0.45],
  low: [0.4, 0.3],
  high: [0.7, 0.6],
};

describe("what the matching rows say", () => {
  it("is the share of the level that is most probable, with its interval", () => {
    expect(rowsInWords(MATCHING, answerSummary())).toBe(
      "124 of 1,344 rows match: a 55% (40% to 70%)",
    );
    const records = [
      { value: "a", probability: 0.3 },
      { value: "b", probability: 0.7 },
    ];
    expect(rowsInWords(MATCHING, answerSummary({ records }))).toContain(": b 45% (30% to 60%)");
  });

  it("is their number only where there are no shares, or no levels", () => {
    const none = { rows: 9, matching: 0, shares: null, low: null, high: null };
    expect(rowsInWords(none, answerSummary())).toBe("0 of 9 rows match");
    expect(rowsInWords(MATCHING, answerSummary({ kind: "numeric" }))).toBe(
      "124 of 1,344 rows match",
    );
    expect(rowsInWords(null, answerSummary())).toBe("");
  });
});

describe("the single values of evidence", () => {
  it("leave out sets and ranges", () => {
    const given = {
      island: { op: "is", value: "Dream" },
      sex: { op: "in", values: ["f", "m"] },
      length: { op: "is", value: 45 },
      mass: { op: "between", low: 1, high: 2, closed: "both" },
    } as const;
    expect(exactly(given as never)).toBe("island=Dream, length=45");
    expect(exactly({})).toBe("");
  });
});

describe("the view of an answer", () => {
  const model = (more: Partial<AnswerSummary>) => {
    const question = questionOf({ second: more.second ?? null });
    const query = { question, answer: answerSummary({ matching: MATCHING, ...more }) };
    return new FakeModel(state({ train: { ready: true }, query }));
  };

  afterEach(clear);

  it("is in words, and drawn by the kind of the target", () => {
    show(model({ detail: "then b" }));
    expect(labeled("Answer").textContent).toBe("a 70% then b");
    expect(labeled("Matching rows").textContent).toContain("124 of 1,344 rows match: a 55%");
    expect(host.querySelectorAll(".tw-levels li")).toHaveLength(2);
    clear();
    const records = [{ value: 1, probability: 1, low: 0, high: 2 }];
    show(model({ kind: "numeric", records }));
    expect(host.querySelector(".tw-density")).not.toBeNull();
    expect(host.querySelector(".tw-levels")).toBeNull();
    clear();
    show(model({ second: "x", joint: [{ x: 1, y: "a", probability: 1 }] }));
    expect(host.querySelectorAll(".tw-joint rect")).toHaveLength(1);
    expect(host.querySelector(".tw-levels")).toBeNull();
  });

  it("is drawn over the range of the slider that was moved, as long as that is evidence", async () => {
    const one = model({});
    show(one);
    await settle();
    labeled("x slider").dispatchEvent(new Event("pointerdown", { bubbles: true }));
    const [sweep] = asked(one, "sweep");
    const values = sweep?.values as number[];
    expect(values.length).toBe(201);
    const words = values.map((value) => ({ headline: `at ${value}`, detail: "" }));
    const { records } = answerSummary();
    const buffer = new DataView(new Float32Array(values.flatMap(() => [0.5, 0.5])).buffer);
    const swept = { records, words, mean: null, low: null, high: null };
    one.reply(
      one.sent.findIndex(({ kind }) => kind === "sweep"),
      swept,
      [buffer],
    );
    await settle();
    expect(host.querySelector(".tw-curve")).toBeNull();
    const slider = labeled<HTMLInputElement>("x slider");
    slider.value = "4";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    expect(labeled("Answer").textContent).toContain("at 4");
    expect(host.querySelector(".tw-curve figcaption")?.textContent).toBe("probability over x");
    expect(host.querySelector("[data-question]")?.getAttribute("data-question")).toBe("x=4");
    // No curve of another target.
    const question = questionOf({ given: { x: { op: "is", value: 4 } } });
    const other = { question, answer: answerSummary({ number: 2, target: "h" }) };
    await answer(one, "ask", other);
    expect(host.querySelector(".tw-curve")).toBeNull();
    one.update({ ...one.state, query: { question, answer: answerSummary({ number: 3 }) } });
    await settle();
    expect(host.querySelector(".tw-curve")).not.toBeNull();
    labeled("Clear x").click();
    await settle();
    expect(host.querySelector(".tw-curve")).toBeNull();
  });
});
