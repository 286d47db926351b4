// Hide the static view of a widget while the widget itself is drawn.

/** Number of widget views by id of the static view. */
const views = new Map<string, number>();

function styleOf(id: string): HTMLStyleElement {
  const key = `tabwidget-hide-${id}`;
  const found = document.getElementById(key);
  if (found instanceof HTMLStyleElement) return found;
  const style = document.createElement("style");
  style.id = key;
  document.head.append(style);
  return style;
}

/** Hide the static view with this id; returns a function that shows it again. */
export function hideStatic(id: string): () => void {
  // The id becomes part of a selector: accept only characters that ours have.
  if (!/^[0-9a-z]+$/i.test(id)) return () => {};
  views.set(id, (views.get(id) ?? 0) + 1);
  styleOf(id).textContent =
    `.tabwidget-static-${id}, .jp-OutputArea-child:has(.tabwidget-static-${id})` +
    " { display: none !important; }";
  return () => {
    const left = (views.get(id) ?? 1) - 1;
    views.set(id, left);
    if (left <= 0) styleOf(id).remove();
  };
}
