import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isOurs, shareKeys } from "../../src/core/keys";

const MARK = "data-lm-suppress-shortcuts";

function made(html: string): HTMLElement {
  const box = document.createElement("div");
  box.innerHTML = html;
  return box.firstElementChild as HTMLElement;
}

const key = (name: string, more: KeyboardEventInit = {}) =>
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });

describe("a pressed key", () => {
  const field = made("<input>");
  const slider = made('<input type="range">');
  const ctrl = { ctrlKey: true };
  const shift = { shiftKey: true };

  it("acts on the control, unless it is the notebook's", () => {
    for (const name of ["a", "Enter", "ArrowDown"]) expect(isOurs(key(name), slider)).toBe(true);
    expect(isOurs(key("A", shift), field)).toBe(true);
    expect(isOurs(key("Enter", shift), field)).toBe(false);
    expect(isOurs(key("Escape"), field)).toBe(false);
    expect(isOurs(key("a", { altKey: true }), field)).toBe(false);
  });

  it("edits text with Ctrl or Cmd, where there is text", () => {
    for (const target of [field, made("<textarea></textarea>")]) {
      expect(isOurs(key("v", ctrl), target)).toBe(true);
      expect(isOurs(key("v", { metaKey: true }), target)).toBe(true);
    }
    expect(isOurs(key("v", ctrl), slider)).toBe(false);
    expect(isOurs(key("s", ctrl), field)).toBe(false);
    expect(isOurs(key("Z", { ...ctrl, ...shift }), field)).toBe(true);
    expect(isOurs(key("C", { ...ctrl, ...shift }), field)).toBe(false);
  });
});

describe("keys pressed in the workbench", () => {
  let cell: HTMLElement;
  let field: HTMLElement;
  let end: () => void;

  beforeEach(() => {
    cell = made('<div class="jp-Cell" tabindex="-1"><div class="root"><input></div></div>');
    document.body.append(cell);
    field = cell.querySelector("input") as HTMLElement;
    end = shareKeys(cell.querySelector(".root") as HTMLElement);
    field.focus();
  });

  afterEach(() => {
    end();
    cell.remove();
  });

  it("leave to the cell with Escape, unless a control has used it", () => {
    const used = key("Escape");
    used.preventDefault();
    field.dispatchEvent(used);
    expect(document.activeElement).toBe(field);
    field.dispatchEvent(key("Escape"));
    expect(document.activeElement).toBe(cell);
  });

  it("just leave the control where there is no cell", () => {
    cell.className = "";
    field.dispatchEvent(key("Escape"));
    expect(document.activeElement).toBe(document.body);
  });

  it("are kept from JupyterLab one at a time, until the sharing ends", () => {
    field.dispatchEvent(key("a"));
    expect(field.hasAttribute(MARK)).toBe(true);
    field.dispatchEvent(key("Enter", { shiftKey: true }));
    expect(field.hasAttribute(MARK)).toBe(false);
    field.dispatchEvent(key("a"));
    cell.dispatchEvent(key("a"));
    expect([field, cell].some((one) => one.hasAttribute(MARK))).toBe(false);
    end();
    field.dispatchEvent(key("a"));
    field.dispatchEvent(key("Escape"));
    expect(field.hasAttribute(MARK)).toBe(false);
    expect(document.activeElement).toBe(field);
  });
});
