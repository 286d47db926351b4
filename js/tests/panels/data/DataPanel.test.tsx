import { afterEach, describe, expect, it } from "vitest";
import { clear, host, labeled, show } from "../../bench";
import { answer, asked, FakeModel, settle, state, textState } from "../../model";

afterEach(clear);

function tags(): (string | null | undefined)[][] {
  return [...labeled("Columns").querySelectorAll(".tw-tag")].map((one) => [
    one.closest(".tw-column")?.querySelector(".tw-column-name")?.textContent,
    one.textContent,
  ]);
}

describe("the data panel", () => {
  it("tags columns with their role in the task", async () => {
    show(new FakeModel(state()));
    await settle();
    expect(tags()).toEqual([["g", "target"]]);
    clear();
    show(new FakeModel(textState()));
    await settle();
    expect(tags()).toEqual([
      ["title", "text"],
      ["topic", "label"],
    ]);
  });

  it("lists the notebook's DataFrames when asked for a variable", async () => {
    const model = new FakeModel(state());
    show(model);
    host.querySelectorAll<HTMLInputElement>('[aria-label="Source"] input')[1]?.click();
    await settle();
    const select = labeled<HTMLSelectElement>("Variable");
    expect(select.textContent).toContain("no DataFrame in this notebook");
    await answer(model, "frames", { frames: [{ name: "df", rows: 3, columns: 2 }] });
    expect([...select.options].map((one) => one.textContent)).toEqual([
      "choose a DataFrame…",
      "df (3 × 2)",
    ]);
    select.value = "df";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    expect(asked(model, "load")).toEqual([{ source: "variable", name: "df" }]);
  });
});
