import { afterEach, describe, expect, it, vi } from "vitest";
import { clear, enter, host, labeled, show } from "./bench";
import { answer, asked, FakeModel, run, settle, state } from "./model";

const framed = (more: Parameters<typeof state>[0] = {}) =>
  new FakeModel(state(more), undefined, true);

function train(): void {
  host.querySelector<HTMLElement>(".tw-bar-end .tw-primary")?.click();
}

const opened = (title: string) => labeled(`Show ${title}`).getAttribute("aria-expanded");

afterEach(() => {
  clear();
  vi.useRealTimers();
});

describe("the bar of the workbench", () => {
  it("trains, and opens the drawer at the first start only", async () => {
    const model = framed();
    show(model);
    await settle();
    train();
    expect(asked(model, "start")).toEqual([{ resume: false }]);
    await settle();
    expect(opened("Train")).toBe("false");
    await answer(model, "start", { number: 1 });
    expect(opened("Train")).toBe("true");
    const buttons = [...host.querySelectorAll(".tw-drawer button")].map((one) => one.textContent);
    expect(buttons).toContain("Resume");
    expect(buttons).not.toContain("Train");
    labeled("Show Train").click();
    await settle();
    train();
    await answer(model, "start", { number: 2 });
    expect(asked(model, "start")).toHaveLength(2);
    expect(opened("Train")).toBe("false");
  });

  it("opens no drawer and says why when a fit does not start", async () => {
    const model = framed();
    show(model);
    train();
    model.fail(
      model.sent.findIndex((one) => one.kind === "start"),
      "column 'x' is empty",
    );
    await settle();
    expect(opened("Train")).toBe("false");
    expect(host.querySelector('.tw-bar [role="alert"]')?.textContent).toBe("column 'x' is empty");
  });

  it("sets the seconds, but not of a fit that runs", async () => {
    const model = framed();
    show(model);
    enter("Seconds to train", "30", "change");
    expect(asked(model, "choose")).toEqual([{ max_seconds: 30 }]);
    clear();
    show(framed({ train: { run: run() } }));
    await settle();
    expect(host.querySelector('.tw-bar [aria-label="Seconds to train"]')).toBeNull();
    expect(host.querySelector(".tw-bar progress")).not.toBeNull();
  });

  it("says what answers, and on how many columns better than chance", () => {
    const sources = ["pretrained"];
    show(framed({ train: { ready: true, sources, better: { better: 7, of: 8 } } }));
    const pill = host.querySelector(".tw-bar .tw-sources");
    expect(pill?.textContent).toBe("pretrainedbetter than chance on 7 of 8 columns");
  });

  it("asks for the skill of a model once the first answers had their time", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const model = framed({ train: { ready: true, sources: ["pretrained"] } });
    show(model);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked(model, "skill")).toEqual([]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked(model, "skill")).toEqual([{}]);
    clear();
    const measured = framed({
      train: { ready: true, sources: ["pretrained"], better: { better: 1, of: 2 } },
    });
    show(measured);
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked(measured, "skill")).toEqual([]);
  });
});
