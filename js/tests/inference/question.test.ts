import { describe, expect, it, vi } from "vitest";
import { QuestionState } from "../../src/inference/question";
import type { AnswerSummary } from "../../src/inference/types";
import { answer, asked, FakeModel, storeOf, state as traits } from "../model";

function answered(number: number): AnswerSummary {
  return {
    number,
    target: "g",
    kind: "categorical",
    records: [],
    headline: "",
    detail: "",
    seconds: 0.01,
    python: "",
    formula: "g",
  };
}

function setup() {
  const model = new FakeModel(traits());
  const changed = vi.fn();
  return { model, changed, state: new QuestionState(storeOf(model).transport, changed) };
}

const QUESTION = { formula: "g", target: "g", given: {} };

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

  it("surveys the other columns once per answer", async () => {
    const { model, changed, state } = setup();
    const latest = { question: QUESTION, answer: answered(1) };
    state.adopt(latest, null);
    expect(changed).toHaveBeenCalledOnce();
    await answer(model, "survey", { formula: "g", columns: { x: [] }, rest: ["y"] });
    expect(asked(model, "survey")).toEqual([{}, { columns: ["y"] }]);
    await answer(model, "survey", { formula: "g", columns: { y: [] }, rest: [] });
    expect(state.survey).toEqual({ x: [], y: [] });
    state.adopt({ ...latest }, null);
    expect(asked(model, "survey")).toHaveLength(2);
    state.adopt({}, "g");
    expect([state.target, state.answer, state.survey]).toEqual(["g", null, {}]);
  });
});
