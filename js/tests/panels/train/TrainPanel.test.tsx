import { afterEach, describe, expect, it } from "vitest";
import { clear, host, labeled, show } from "../../bench";
import { FakeModel, run, state } from "../../model";

afterEach(clear);

describe("the train panel", () => {
  it("shows the task's hint until the first fit", () => {
    show(new FakeModel(state({ task: { hint: "Press Train." } })));
    expect(labeled("Train").textContent).toContain("Press Train.");
    clear();
    show(new FakeModel(state({ train: { run: run() } })));
    expect(labeled("Train").textContent).not.toContain("Press Train.");
  });

  it("has tiles for metrics besides the loss", () => {
    const metrics = { f1_micro: 0.8712, accuracy: 0.5 };
    show(new FakeModel(state({ train: { run: run({ metrics }) } })));
    const tiles = [...host.querySelectorAll(".tw-metrics li")].map((one) => one.textContent);
    expect(tiles).toContain("F1 micro0.871");
    expect(tiles).toContain("accuracy0.500");
  });
});
