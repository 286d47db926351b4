import { describe, expect, it, vi } from "vitest";
import { QuestionState } from "../../src/inference/question";
import type { AnswerSummary } from "../../src/inference/types";
import {
  answer,
  answerSummary,
  asked,
  FakeModel,
  questionOf,
  settle,
  storeOf,
  state as traits,
} from "../model";

function answered(number: number): AnswerSummary {
  return answerSummary({ number, records: [], headline: "" });
}

function setup() {
  const model = new FakeModel(traits());
  const changed = vi.fn();
  return { model, changed, state: new QuestionState(storeOf(model).transport, changed) };
}

const QUESTION = questionOf();

describe("the state of a question", () => {
  it("ignores a slice that is older than the newest reply", async () => {
    const { model, state } = setup();
    state.askFormula("g | x=1");
    const given = { x: { op: "is" as const, value: 1 } };
    await answer(model, "ask", {
      question: { ...QUESTION, formula: "g | x=1", given },
      answer: answered(2),
    });
    state.adopt({ question: QUESTION, answer: answered(1) }, null);
    expect(state.formula).toBe("g | x=1");
    state.adopt({ question: QUESTION, answer: answered(3) }, null);
    expect(state.given).toEqual({});
  });

  it("drops the evidence on a column that becomes the target", () => {
    const { model, state } = setup();
    state.adopt({ question: QUESTION, answer: null }, null);
    state.set("x", { op: "is", value: 1 });
    state.setTarget("x");
    expect([state.target, state.given]).toEqual(["x", {}]);
    expect(asked(model, "ask")).toEqual([{ target: "g", given: { x: { op: "is", value: 1 } } }]);
  });

  it("shows every answer while a slider is dragged, and leaves the slider alone", async () => {
    const { model, state } = setup();
    state.adopt({ question: QUESTION, answer: null }, null);
    const x = (value: number) => ({ x: { op: "is" as const, value } });
    for (const value of [1, 2, 3]) state.set("x", x(value).x);
    const first = { ...QUESTION, formula: "g | x=1", given: x(1) };
    await answer(model, "ask", { question: first, answer: answered(1) });
    expect([state.answer?.number, state.formula]).toEqual([1, "g | x=1"]);
    expect(state.given).toEqual(x(3));
    const asks = asked(model, "ask").map((payload) => payload.given);
    expect(asks).toEqual([x(1), x(3)]);
    const last = { ...QUESTION, formula: "g | x=3", given: x(3) };
    await answer(model, "ask", { question: last, answer: answered(2) });
    expect([state.answer?.number, state.formula]).toEqual([2, "g | x=3"]);
  });

  it("surveys the columns on screen once per answer", async () => {
    const { model, changed, state } = setup();
    const latest = { question: QUESTION, answer: answered(1) };
    state.adopt(latest, null);
    expect(changed).toHaveBeenCalledOnce();
    expect(asked(model, "survey")).toEqual([]);
    state.look(["x", "y"]);
    await answer(model, "survey", { formula: "g", columns: { x: [] }, rest: ["y"] });
    expect(asked(model, "survey")).toEqual([{ columns: ["x", "y"] }, { columns: ["y"] }]);
    await answer(model, "survey", { formula: "g", columns: { y: [] }, rest: [] });
    expect(state.survey).toEqual({ x: [], y: [] });
    state.adopt({ ...latest }, null);
    expect(asked(model, "survey")).toHaveLength(2);
    state.look(["y", "z"]);
    expect(asked(model, "survey").at(-1)).toEqual({ columns: ["z"] });
    state.adopt({}, "g");
    expect([state.target, state.answer, state.survey]).toEqual(["g", null, {}]);
  });

  it("says what moved most since the last answer", async () => {
    const { model, state } = setup();
    state.adopt({ question: QUESTION, answer: answered(1) }, null);
    state.look(["x", "y"]);
    const at = (value: string) => [{ value, probability: 1 }];
    const still = at("b");
    await answer(model, "survey", { columns: { x: at("a"), y: still }, rest: [] });
    expect(state.moved).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 550));
    state.adopt({ question: QUESTION, answer: answered(2) }, null);
    await answer(model, "survey", { columns: { x: at("c"), y: at("b") }, rest: [] });
    expect(state.moved).toEqual([{ column: "x", shift: 1 }]);
  });

  it("reads answers off the curve while its slider moves", async () => {
    const { model, state } = setup();
    state.adopt({ question: QUESTION, answer: answered(1) }, null);
    state.hold("x", [0, 1, 2]);
    expect(asked(model, "sweep")).toEqual([
      { target: "g", given: {}, column: "x", values: [0, 1, 2] },
    ]);
    const words = ["zero", "one", "two"].map((headline) => ({ headline, detail: "" }));
    const records = [{ value: "a", probability: 0 }];
    const swept = { records, words, mean: null, low: null, high: null };
    const at = model.sent.findIndex((one) => one.kind === "sweep");
    model.reply(at, swept, [new DataView(new Float32Array([0.25, 0.5, 0.75]).buffer)]);
    await settle();
    state.set("x", { op: "is", value: 2 });
    expect(state.answer?.headline).toBe("two");
    expect(state.answer?.records).toEqual([{ value: "a", probability: 0.75 }]);
    await settle();
    state.set("x", { op: "is", value: 1 });
    // The reply to the first question is older than what is shown.
    const given = { x: { op: "is" as const, value: 2 } };
    const late = { ...answered(2), headline: "late", matching: null };
    await answer(model, "ask", { question: questionOf({ given }), answer: late });
    expect([state.answer?.headline, state.given]).toEqual(["one", { x: { op: "is", value: 1 } }]);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const last = { ...answered(3), headline: "the kernel's" };
    await answer(model, "ask", { question: questionOf({ given: state.given }), answer: last });
    expect(state.answer?.headline).toBe("the kernel's");
    expect(asked(model, "sweep")).toHaveLength(1);
  });

  it("asks for no curve of a slider that cannot move", () => {
    const { model, state } = setup();
    state.adopt({ question: QUESTION, answer: answered(1) }, null);
    state.hold("x", []);
    expect(asked(model, "sweep")).toEqual([]);
  });

  it("asks for a second column, and leaves out evidence on what is asked", () => {
    const { model, state } = setup();
    state.adopt({ question: QUESTION, answer: null }, null);
    state.setAll({ g: { op: "is", value: "a" }, x: { op: "is", value: 1 } });
    state.setSecond("x");
    expect([state.target, state.second, state.given]).toEqual(["g", "x", {}]);
    state.setTarget("x");
    expect(state.second).toBeNull();
    expect(asked(model, "ask")[0]).toEqual({ target: "g", given: { x: { op: "is", value: 1 } } });
  });
});
