import { afterEach, describe, expect, it } from "vitest";
import { toggledLabels } from "../../../src/panels/task/forms/text-labels";
import { clear, enter, host, labeled, show } from "../../bench";
import { answer, asked, COLUMNS, FakeModel, settle, state, textState, textTask } from "../../model";

afterEach(clear);

describe("the form of text labels", () => {
  it("takes the place of the form of rows, and gives it back", async () => {
    const model = new FakeModel(textState());
    show(model);
    expect(host.querySelector('[aria-label="Target column"]')).toBeNull();
    expect(host.querySelector('[aria-label="Backend"]')).toBeNull();
    model.update(state());
    await settle();
    expect(labeled("Target column")).not.toBeNull();
    expect(host.querySelector('[aria-label="Text columns"]')).toBeNull();
  });

  it("previews nothing without a text column", async () => {
    const model = new FakeModel(textState({ task: textTask({ texts: [] }) }));
    show(model);
    await settle();
    expect(asked(model, "preview")).toEqual([]);
  });

  it("sends the chosen columns, in the order of choosing", async () => {
    const model = new FakeModel(textState());
    show(model);
    await settle();
    labeled("Text column body").click();
    expect(asked(model, "choose").at(-1)).toEqual({ texts: ["title", "body"] });
    model.update(textState({ task: textTask({ texts: ["body", "title"] }) }));
    await settle();
    expect(labeled("Text column body").textContent).toBe("1body");
    labeled("Text column body").click();
    expect(asked(model, "choose").at(-1)).toEqual({ texts: ["title"] });
  });

  it("combines indicator columns, and takes a column of labels alone", () => {
    expect(toggledLabels(["topic"], "urgent", COLUMNS)).toEqual(["urgent"]);
    expect(toggledLabels(["urgent"], "local", COLUMNS)).toEqual(["urgent", "local"]);
    expect(toggledLabels(["urgent", "local"], "urgent", COLUMNS)).toEqual(["local"]);
    expect(toggledLabels(["urgent", "local"], "topic", COLUMNS)).toEqual(["topic"]);
  });

  it("has a delimiter only where one column holds the labels", async () => {
    const model = new FakeModel(textState());
    show(model);
    await settle();
    enter("Labels split by", "|");
    await settle();
    expect(asked(model, "choose")).toEqual([]);
    labeled("Labels split by").dispatchEvent(
      new KeyboardEvent("keydown", { key: "Enter", bubbles: true }),
    );
    expect(asked(model, "choose")).toEqual([{ delimiter: "|" }]);
    model.update(textState({ task: textTask({ labels: ["urgent", "local"] }) }));
    await settle();
    expect(host.querySelector('[aria-label="Labels split by"]')).toBeNull();
  });

  it("fine-tunes a base model, and shows how to install missing packages", () => {
    const model = new FakeModel(textState({ task: textTask({}, { command: "pip install it" }) }));
    show(model);
    expect(labeled<HTMLInputElement>("Base model").placeholder).toBe("base");
    expect(labeled<HTMLSelectElement>("Fine-tune").value).toBe("16");
    enter("Fine-tune", "", "change");
    expect(asked(model, "choose")).toEqual([{ rank: null }]);
    expect(host.querySelector('[role="note"]')?.textContent).toContain("pip install it");
  });

  it("previews the input text, with its true labels", async () => {
    const model = new FakeModel(textState());
    show(model);
    await settle();
    const tokens = [[4, false]];
    const labels = ["sport", "law"];
    const read = { text: "A goal", spans: [], row: 3, tokens, read: 6, labels };
    await answer(model, "preview", read);
    expect(labeled("Input text").textContent).toBe("A goal".slice(0, 4));
    const chips = [...labeled("Labels of the row").children].map((one) => one.textContent);
    expect(chips).toEqual(["sport", "law"]);
    const preview = host.querySelector(".tw-preview")?.textContent;
    expect(preview).not.toContain("underlined");
    expect(preview).toContain("1 tokens");
    expect(host.querySelector(".tw-cut")).toBeNull();
  });

  it("dims the truncated end of a long text, and shows the number of tokens", async () => {
    const model = new FakeModel(textState());
    show(model);
    await settle();
    const ends = Array.from({ length: 1200 }, (_, i) => [i + 1, false]);
    const text = `😀${"a".repeat(299)} ${"b".repeat(899)}`;
    await answer(model, "preview", {
      text,
      spans: [],
      row: 0,
      tokens: ends,
      read: 300,
      labels: [],
    });
    expect(labeled("Input text").textContent).toBe(text);
    const truncated = [...host.querySelectorAll<HTMLElement>(".tw-cut")];
    expect(truncated.map((one) => one.textContent)).toEqual([` ${"b".repeat(899)}`]);
    expect(truncated[0]?.title).toBe("truncated");
    expect(host.querySelectorAll(".tw-token")).toHaveLength(300);
    const said = host.querySelector(".tw-preview > :last-child")?.textContent;
    expect(said).toBe("1,200 tokens, truncated to 300");
  });

  it("sends the maximum length, and previews again when it changes", async () => {
    const model = new FakeModel(textState());
    show(model);
    await settle();
    const field = labeled<HTMLInputElement>("Maximum length");
    expect([field.value, field.min, field.max]).toEqual(["256", "8", "8192"]);
    enter("Maximum length", "512", "change");
    expect(asked(model, "choose")).toEqual([{ max_length: 512 }]);
    const read = { text: "", spans: [], row: 0, tokens: [], read: 0, labels: [] };
    await answer(model, "preview", read);
    await answer(model, "cost", { cost: null });
    model.update(textState({ task: textTask({ max_length: 512 }) }));
    await settle();
    expect(asked(model, "preview")).toHaveLength(2);
    expect(asked(model, "cost")).toHaveLength(2);
    model.update(state());
    await settle();
    expect(host.querySelector('[aria-label="Maximum length"]')).toBeNull();
  });
});
