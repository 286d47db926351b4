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

  it("shows what training added once it has ended, and offers to resume only then", () => {
    const gains = [
      { column: "x", nats: 0.314 },
      { column: "g", nats: 0.0004 },
    ];
    const done = run({ status: "done" });
    show(new FakeModel(state({ train: { stage: "trained", gains, run: done } })));
    const lines = [...labeled("Added by training").querySelectorAll("li")];
    expect(lines.map((one) => one.textContent)).toEqual(["x+0.31", "gno gain"]);
    const button = (text: string) =>
      [...host.querySelectorAll("button")].find((one) => one.textContent === text);
    expect(button("Resume")?.disabled).toBe(false);
    clear();
    show(new FakeModel(state({ train: { ready: true, stage: "pretrained", run: done } })));
    expect(button("Resume")?.disabled).toBe(true);
    expect(button("Train")?.disabled).toBe(false);
    expect(host.querySelector(".tw-gains")).toBeNull();
    clear();
    show(new FakeModel(state({ train: { ready: true, stage: "pretrained", trains: false } })));
    expect(button("Train")?.disabled).toBe(true);
  });

  it("has tiles for metrics besides the loss", () => {
    const metrics = { f1_micro: 0.8712, accuracy: 0.5 };
    show(new FakeModel(state({ train: { run: run({ metrics }) } })));
    const tiles = [...host.querySelectorAll(".tw-metrics li")].map((one) => one.textContent);
    expect(tiles).toContain("F1 micro0.871");
    expect(tiles).toContain("accuracy0.500");
  });
});
