// Which keys a focused control keeps from JupyterLab; Escape gives the focus back to the cell.

/** JupyterLab's shortcuts leave alone an element with this attribute, and all within it. */
const SUPPRESS = "data-lm-suppress-shortcuts";

/** With Ctrl or Cmd these edit text. */
const EDITING = "acvxyz";

function editsText(target: Element): boolean {
  if (target instanceof HTMLInputElement)
    return !["range", "checkbox", "radio"].includes(target.type);
  return target instanceof HTMLTextAreaElement;
}

/** Keys without a modifier act on the control; Shift+Enter and chords are the notebook's. */
export function isOurs(event: KeyboardEvent, target: Element): boolean {
  if (event.key === "Escape" || event.altKey) return false;
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    // With Shift only redo edits: Ctrl+Shift+C is JupyterLab's command palette.
    return editsText(target) && (event.shiftKey ? key === "z" : EDITING.includes(key));
  }
  return !(event.shiftKey && event.key === "Enter");
}

/** Share the keys pressed inside `root` with JupyterLab; returns a function that ends it. */
export function shareKeys(root: HTMLElement): () => void {
  // JupyterLab listens on the document in the capture phase: only the window hears a key before it.
  let marked: Element | null = null;
  const hear = (event: KeyboardEvent) => {
    // Left on an element that holds others, it would silence the shortcuts in all of them.
    marked?.removeAttribute(SUPPRESS);
    marked = null;
    const [target] = event.composedPath();
    if (!(target instanceof HTMLElement) || !root.contains(target)) return;
    if (!isOurs(event, target)) return;
    target.setAttribute(SUPPRESS, "true");
    marked = target;
  };
  // In the bubbling phase, so that a control may use Escape first.
  const leave = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (!(event.target instanceof HTMLElement)) return;
    const cell = event.target.closest<HTMLElement>(".jp-Cell");
    if (cell) cell.focus();
    else event.target.blur();
  };
  window.addEventListener("keydown", hear, true);
  root.addEventListener("keydown", leave);
  return () => {
    window.removeEventListener("keydown", hear, true);
    root.removeEventListener("keydown", leave);
  };
}
