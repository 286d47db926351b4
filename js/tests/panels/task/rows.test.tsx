import { afterEach, describe, expect, it } from "vitest";
import { clear, enter, host, labeled, show } from "../../bench";
import { answer, asked, FakeModel, rowTask, settle, state } from "../../model";

afterEach(clear);

describe("the form of a row task", () => {
  it("offers the settings of a pretrained backend, and a command where packages are missing", async () => {
    const model = new FakeModel(state());
    show(model);
    const offered = [...labeled<HTMLSelectElement>("Backend").options];
    expect(offered.map((one) => one.disabled)).toEqual([false, false, false, true]);
    expect(offered[3]?.textContent).toContain("pip install it");
    expect(host.querySelector('[aria-label="Base model"]')).toBeNull();
    enter("Backend", "huggingface", "change");
    const sent = () => asked(model, "choose").at(-1);
    expect(sent()).toEqual({ backend: "huggingface" });
    model.update(state({ task: rowTask({ backend: "huggingface", rank: 16 }) }));
    await settle();
    const base = labeled<HTMLInputElement>("Base model");
    expect(base.placeholder).toBe("base");
    enter("Base model", "a/model");
    await settle();
    base.dispatchEvent(new Event("blur"));
    await settle();
    expect(sent()).toEqual({ model: "a/model" });
    expect(labeled<HTMLSelectElement>("Fine-tune").value).toBe("16");
    enter("Fine-tune", "", "change");
    expect(sent()).toEqual({ rank: null });
    enter("Quantization", "4bit", "change");
    expect(sent()).toEqual({ quantization: "4bit" });
  });

  it("shows no format of a row where cells are read", async () => {
    const model = new FakeModel(state());
    show(model);
    await settle();
    expect(host.querySelector('[aria-label="Serializer"]')).toBeNull();
    expect(asked(model, "preview")).toEqual([]);
    model.update(state({ task: rowTask({ backend: "minilm-text" }) }));
    await settle();
    expect(labeled("Serializer").textContent).toContain("json");
    expect(asked(model, "preview")).toHaveLength(1);
  });

  it("previews a serialized row, in another order at each shuffle", async () => {
    const model = new FakeModel(state({ task: rowTask({ backend: "minilm-text" }) }));
    show(model);
    await settle();
    const spans = [{ column: "x", name: [1, 4], value: [5, 6] }];
    const preview = { text: '{"x":1}', spans, row: 3, tokens: [], read: 7, labels: null };
    await answer(model, "preview", preview);
    expect(labeled("Serialized row").textContent).toBe('{"x":1}');
    expect(host.querySelector('[aria-label="Labels of the row"]')).toBeNull();
    expect(labeled("Task").textContent).toContain("Row 4 as model input, columns in random order");
    [...host.querySelectorAll("button")].find((one) => one.textContent === "Shuffle")?.click();
    await settle();
    expect(asked(model, "preview").map(({ draw }) => draw)).toEqual([0, 1]);
  });
});
