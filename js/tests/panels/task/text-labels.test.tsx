import { afterEach, describe, expect, it } from "vitest";
import { toggledLabels } from "../../../src/panels/task/TextFields";
import { clear, enter, host, labeled, show } from "../../bench";
import { answer, asked, COLUMNS, FakeModel, settle, snapshot, stats, texts } from "../../model";

afterEach(clear);

describe("the task of texts", () => {
  it("says in the list of columns which are texts and which labels", async () => {
    show(new FakeModel(texts({ texts: ["title"], labels: ["topic"] })));
    await settle();
    const tags = [...labeled("Columns").querySelectorAll(".tw-tag")].map((one) => [
      one.closest(".tw-column")?.querySelector(".tw-column-name")?.textContent,
      one.textContent,
    ]);
    expect(tags).toEqual([
      ["titletext", "text"],
      ["topiclabel", "label"],
    ]);
  });

  it("sends the columns that are picked, in the order of picking", async () => {
    const model = new FakeModel(texts());
    show(model);
    await settle();
    labeled("Read body").click();
    expect(asked(model, "choose").at(-1)).toEqual({ texts: ["title", "body"] });
    model.update(texts({ texts: ["body", "title"] }));
    await settle();
    expect(labeled("Read body").textContent).toBe("1body");
    labeled("Read body").click();
    expect(asked(model, "choose").at(-1)).toEqual({ texts: ["title"] });
  });

  it("adds up columns of 0 and 1, and takes one of labels alone", () => {
    expect(toggledLabels(["topic"], "urgent", COLUMNS)).toEqual(["urgent"]);
    expect(toggledLabels(["urgent"], "local", COLUMNS)).toEqual(["urgent", "local"]);
    expect(toggledLabels(["urgent", "local"], "urgent", COLUMNS)).toEqual(["local"]);
    expect(toggledLabels(["urgent", "local"], "topic", COLUMNS)).toEqual(["topic"]);
  });

  it("asks what parts the labels only where one column holds them", async () => {
    const model = new FakeModel(texts());
    show(model);
    await settle();
    enter("Labels parted by", "|");
    await settle();
    expect(asked(model, "choose")).toEqual([]);
    labeled("Labels parted by").dispatchEvent(
      new KeyboardEvent("keydown", { key: "Enter", bubbles: true }),
    );
    expect(asked(model, "choose")).toEqual([{ delimiter: "|" }]);
    model.update(texts({ labels: ["urgent", "local"] }));
    await settle();
    expect(host.querySelector('[aria-label="Labels parted by"]')).toBeNull();
  });

  it("tunes a base model of its own, and says what is missing", () => {
    const model = new FakeModel(texts({ command: "pip install it" }));
    show(model);
    expect(labeled<HTMLInputElement>("Base model").placeholder).toBe("base");
    expect(labeled<HTMLSelectElement>("What is tuned").value).toBe("16");
    enter("What is tuned", "", "change");
    expect(asked(model, "choose")).toEqual([{ rank: null }]);
    expect(host.querySelector('[role="note"]')?.textContent).toContain("pip install it");
  });

  it("previews the text as it is read, with its true labels", async () => {
    const model = new FakeModel(texts());
    show(model);
    await settle();
    const tokens = [[4, false]];
    const labels = ["sport", "law"];
    const read = { text: "A goal", spans: [], row: 3, tokens, read: 6, labels };
    await answer(model, "preview", read);
    expect(labeled("Text as read").textContent).toBe("A goal".slice(0, 4));
    const chips = [...labeled("Labels of the row").children].map((one) => one.textContent);
    expect(chips).toEqual(["sport", "law"]);
    const preview = host.querySelector(".tw-preview")?.textContent;
    expect(preview).not.toContain("underlined");
    expect(preview).toContain("1 tokens");
    expect(host.querySelector(".tw-unread")).toBeNull();
  });

  it("previews a text that is too long dimly where it is not read, and says how much is", async () => {
    const model = new FakeModel(texts());
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
    expect(labeled("Text as read").textContent).toBe(text);
    const unread = [...host.querySelectorAll<HTMLElement>(".tw-unread")];
    expect(unread.map((one) => one.textContent)).toEqual([` ${"b".repeat(899)}`]);
    expect(unread[0]?.title).toBe("not read");
    expect(host.querySelectorAll(".tw-token")).toHaveLength(300);
    const said = host.querySelector(".tw-preview > :last-child")?.textContent;
    expect(said).toBe("300 of 1,200 tokens are read");
  });

  it("sends how many tokens are read, and previews anew when they change", async () => {
    const model = new FakeModel(texts());
    show(model);
    await settle();
    const field = labeled<HTMLInputElement>("Tokens to read");
    expect([field.value, field.min, field.max]).toEqual(["256", "8", "8192"]);
    enter("Tokens to read", "512", "change");
    expect(asked(model, "choose")).toEqual([{ max_length: 512 }]);
    const read = { text: "", spans: [], row: 0, tokens: [], read: 0, labels: [] };
    await answer(model, "preview", read);
    await answer(model, "cost", { cost: null });
    model.update(texts({ max_length: 512 }));
    await settle();
    expect(asked(model, "preview")).toHaveLength(2);
    expect(asked(model, "cost")).toHaveLength(2);
    model.update(snapshot());
    await settle();
    expect(host.querySelector('[aria-label="Tokens to read"]')).toBeNull();
  });

  it("has tiles for its metrics beside the loss", async () => {
    const metrics = { f1_micro: 0.8712, accuracy: 0.5 };
    const run = { ...stats({ metrics }), number: 1, next: 0, curve: [], examples: [] };
    show(new FakeModel(texts({}, { run })));
    const tiles = [...host.querySelectorAll(".tw-figures li")].map((one) => one.textContent);
    expect(tiles).toContain("F1 micro0.871");
    expect(tiles).toContain("accuracy0.500");
  });
});
