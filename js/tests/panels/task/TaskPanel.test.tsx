import { afterEach, describe, expect, it } from "vitest";
import { clear, enter, host, labeled, show } from "../../bench";
import { answer, asked, FakeModel, rowTask, settle, state } from "../../model";

afterEach(clear);

describe("the task panel", () => {
  it("shows the cost of training, with its advice", async () => {
    const model = new FakeModel(state());
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
    await answer(model, "cost", { cost });
    const shown = labeled("Training cost").textContent;
    expect(shown).toContain("1,000,000 parameters, 5,000 trained · 40 tokens per row");
    expect(shown).toContain("about 1 min 15 s per epoch · 2.0 GB of 1.0 GB free");
    expect(shown).toContain("Take less.");
  });

  it("shows the common fields alone for a kind without a form", async () => {
    const task = rowTask({}, { kind: "ranking", task: "ranking", tasks: ["ranking"] });
    const model = new FakeModel(state({ task }));
    show(model);
    await settle();
    const labels = [...labeled("Task").querySelectorAll(".tw-field > .tw-label")];
    expect(labels.map((one) => one.textContent)).toEqual(["Task", "Train for"]);
    expect([asked(model, "preview"), asked(model, "cost")].map((all) => all.length)).toEqual([
      1, 1,
    ]);
    enter("Seconds to train", "30", "change");
    expect(asked(model, "choose")).toEqual([{ max_seconds: 30 }]);
  });

  it("previews again when a setting changes, and estimates again also for the seconds", async () => {
    const text = { backend: "minilm-text" };
    const model = new FakeModel(state({ task: rowTask(text) }));
    show(model);
    await settle();
    await answer(model, "preview", {
      text: "",
      spans: [],
      row: 0,
      tokens: [],
      read: 0,
      labels: null,
    });
    await answer(model, "cost", { cost: null });
    const counts = () => [asked(model, "preview").length, asked(model, "cost").length];
    model.update(state({ task: rowTask(text, { max_seconds: 20 }) }));
    await settle();
    expect(counts()).toEqual([1, 2]);
    await answer(model, "cost", { cost: null });
    model.update(state({ task: rowTask({ ...text, serializer: "bracket" }, { max_seconds: 20 }) }));
    await settle();
    expect(counts()).toEqual([2, 3]);
    // The roles alone change neither.
    model.update(
      state({ task: rowTask({ ...text, serializer: "bracket" }, { max_seconds: 20, roles: {} }) }),
    );
    await settle();
    expect(counts()).toEqual([2, 3]);
    expect(host.querySelector('[role="alert"]')).toBeNull();
  });
});
