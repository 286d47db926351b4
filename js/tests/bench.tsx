// The page that a test draws on, and helpers that find and move its controls.
import { type ComponentChild, render } from "preact";
import type { Store } from "../src/core/store";
import { Workbench } from "../src/Workbench";
import { type FakeModel, storeOf } from "./model";

// The page of the tests has no layout: every element has one size, an item of a list a smaller one.
const SCREEN = 900;
const ITEM = 74;
let screen = SCREEN;

for (const name of ["clientHeight", "clientWidth", "offsetHeight", "offsetWidth"]) {
  Object.defineProperty(HTMLElement.prototype, name, {
    get(this: HTMLElement) {
      return this.tagName === "LI" ? ITEM : screen;
    },
  });
}

/** Give every element another size; without one, that of a screen. All files share the page. */
export function resize(pixels = SCREEN): void {
  screen = pixels;
}

export let host: HTMLElement = document.createElement("div");

export function draw(drawn: ComponentChild): void {
  host = document.createElement("div");
  document.body.append(host);
  render(drawn, host);
}

export function show(model: FakeModel): Store {
  const store = storeOf(model);
  draw(<Workbench store={store} />);
  return store;
}

export function clear(): void {
  render(null, host);
  host.remove();
}

export function labeled<T extends HTMLElement>(label: string): T {
  const all = [...host.querySelectorAll<T>("[aria-label]")];
  const found = all.find((one) => one.getAttribute("aria-label") === label);
  if (!found) throw new Error(`no aria-label ${label}`);
  return found;
}

export function button(text: string): HTMLButtonElement {
  const all = [...host.querySelectorAll("button")];
  const found = all.find((one) => one.textContent === text);
  if (!found) throw new Error(`no button ${text}`);
  return found;
}

/** Type or drag. */
export function enter(label: string, value: string, event = "input"): void {
  const field = labeled<HTMLInputElement>(label);
  field.value = value;
  field.dispatchEvent(new Event(event, { bubbles: true }));
}
