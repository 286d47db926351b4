// The static picture that stands behind a widget is hidden while the widget itself is drawn.

/** How many views each static picture has in this page. */
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

/** Hide the static picture with this id; returns how to show it again. */
export function hideStatic(id: string): () => void {
  // The id goes into a selector; ours are hexadecimal, anything else is not ours.
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
