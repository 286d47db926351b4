import { afterEach, describe, expect, it } from "vitest";
import type { Latest } from "../../../src/inference/types";
import { clear, enter, host, labeled, show } from "../../bench";
import {
  answerSummary,
  asked,
  column,
  FakeModel,
  questionOf,
  rowTask,
  settle,
  state,
} from "../../model";

afterEach(clear);

describe("the query panel", () => {
  const question = questionOf();
  const answer = answerSummary();
  const ready = (query: Partial<Latest> = { question, answer }) =>
    state({ train: { ready: true }, query });

  it("says what the answers come from", () => {
    const sources = ["pretrained", "trained on your table"];
    show(new FakeModel(state({ train: { ready: true, sources } })));
    const pill = labeled("Answers: pretrained + trained on your table");
    expect(pill.textContent).toBe("pretrained + trained on your table");
    expect(pill.getAttribute("role")).toBe("status");
    clear();
    show(new FakeModel(state()));
    expect(labeled("Query").textContent).toContain("train first");
    clear();
    show(new FakeModel(state({ data: { table: null } })));
    expect(labeled("Query").textContent).not.toContain("train first");
  });

  it("asks when a slider moves", async () => {
    const model = new FakeModel(ready());
    show(model);
    await settle();
    enter("x slider", "4");
    await settle();
    expect(asked(model, "ask")).toEqual([{ target: "g", given: { x: { op: "is", value: 4 } } }]);
  });

  it("does not move the slider back while its own question is under way", async () => {
    const model = new FakeModel(ready());
    show(model);
    await settle();
    enter("x slider", "4");
    await settle();
    model.update(ready({ question, answer: { ...answer, headline: "a 71%" } }));
    await settle();
    expect(labeled<HTMLInputElement>("x slider").value).toBe("4");
  });

  it("follows what another view asked", async () => {
    const model = new FakeModel(ready());
    show(model);
    await settle();
    const given = { x: { op: "is" as const, value: 7 } };
    const other = questionOf({ formula: "g | x=7", given });
    model.update(ready({ question: other, answer: { ...answer, number: 2 } }));
    await settle();
    expect(labeled<HTMLInputElement>("x slider").value).toBe("7");
    expect(labeled<HTMLInputElement>("Formula").value).toBe("g | x=7");
  });

  it("shows the task's target until a question is asked", async () => {
    const model = new FakeModel(ready({}));
    show(model);
    await settle();
    expect(labeled<HTMLSelectElement>("Query target").value).toBe("g");
    const task = rowTask({ target: "x" }, { roles: { x: "target" } });
    model.update({ ...ready({}), task });
    await settle();
    expect(labeled<HTMLSelectElement>("Query target").value).toBe("x");
  });

  it("sends a text as evidence when typing pauses, and offers no text as target", async () => {
    const columns = [
      column("size"),
      column("said", { kind: "text", role: "evidence", low: null, high: null }),
    ];
    const model = new FakeModel(
      state({
        data: { table: { name: "toy", rows: 3, columns } },
        train: { ready: true },
        query: { question: questionOf({ formula: "size", target: "size" }) },
      }),
    );
    show(model);
    await settle();
    const offered = [...labeled<HTMLSelectElement>("Query target").options];
    expect(offered.map((one) => one.value)).not.toContain("said");
    for (const text of ["it was", "it was kind"]) enter("said text", text);
    await new Promise((resolve) => setTimeout(resolve, 400));
    const given = asked(model, "ask").map((payload) => payload.given);
    expect(given.at(-1)).toEqual({ said: { op: "is", value: "it was kind" } });
    expect(given).not.toContainEqual({ said: { op: "is", value: "it was" } });
    expect(host.querySelector('[aria-label="Clear said"]')).not.toBeNull();
  });
});
