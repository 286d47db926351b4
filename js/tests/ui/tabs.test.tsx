import { afterEach, describe, expect, it } from "vitest";
import { Tabs } from "../../src/ui/tabs";
import { clear, draw, host } from "../bench";
import { settle } from "../model";

const tabs = ["rows", "scores", "code"].map((name) => ({
  name,
  title: name.toUpperCase(),
  content: () => <p>{name}</p>,
}));

const all = () => [...host.querySelectorAll<HTMLElement>('[role="tab"]')];
const shown = () => host.querySelector(".tw-tab-panel")?.textContent;
const chosen = () => all().filter((tab) => tab.getAttribute("aria-selected") === "true");

async function press(key: string): Promise<void> {
  document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  await settle();
}

afterEach(clear);

describe("tabs", () => {
  it("are one stop of the Tab key, and arrows go round", async () => {
    draw(<Tabs label="More" tabs={tabs} />);
    expect(all().map((tab) => tab.tabIndex)).toEqual([0, -1, -1]);
    all()[0]?.focus();
    await press("ArrowLeft");
    expect([document.activeElement, shown()]).toEqual([all()[2], "code"]);
    expect(all().map((tab) => tab.tabIndex)).toEqual([-1, -1, 0]);
    await press("ArrowRight");
    await press("ArrowRight");
    expect([document.activeElement, shown()]).toEqual([all()[1], "scores"]);
  });

  it("are named by the chosen one, by click or in the select", async () => {
    draw(<Tabs label="More" tabs={tabs} />);
    all()[1]?.click();
    await settle();
    const panel = host.querySelector('[role="tabpanel"]');
    expect(panel?.getAttribute("aria-labelledby")).toBe(all()[1]?.id);
    expect(all()[1]?.getAttribute("aria-controls")).toBe(panel?.id);
    const select = host.querySelector("select") as HTMLSelectElement;
    expect(select.value).toBe("scores");
    select.value = "code";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect([chosen(), shown()]).toEqual([[all()[2]], "code"]);
  });

  it("are no tabs when there is one, and nothing when there is none", () => {
    draw(<Tabs label="More" tabs={tabs.slice(0, 1)} />);
    expect(shown()).toBe("rows");
    expect(host.querySelector("[role], select, button")).toBeNull();
    clear();
    draw(<Tabs label="More" tabs={[]} />);
    expect(host.textContent).toBe("");
  });
});
