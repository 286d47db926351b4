// Keeps the static picture in the notebook document up to date, also after the page was reloaded.
//
// JupyterLab routes an updated display only while it remembers the execution that displayed it,
// which a reload makes it forget. The widget's manager knows the open document, so the picture is
// found there by its class. In a host without such a document nothing happens.

interface Output {
  readonly data: { readonly [type: string]: unknown };
  setData(options: { data: Record<string, unknown> }): void;
}

interface Listed<T> {
  readonly length: number;
  get(index: number): T;
}

interface Manager {
  context?: { model?: { cells?: Listed<{ outputs?: Listed<Output> }> } };
}

export interface PictureMessage {
  type: "picture";
  html: string;
  text: string;
}

function* all<T>(list: Listed<T> | undefined): Generator<T> {
  for (let i = 0; i < (list?.length ?? 0); i += 1) {
    const item = list?.get(i);
    if (item !== undefined) yield item;
  }
}

/** Write the picture into every output of the document that shows it; returns how many changed. */
export function updatePictures(manager: unknown, id: string, message: PictureMessage): number {
  let changed = 0;
  for (const cell of all((manager as Manager | undefined)?.context?.model?.cells)) {
    for (const output of all(cell.outputs)) {
      const html = output.data["text/html"];
      const text = Array.isArray(html) ? html.join("") : html;
      if (typeof text !== "string" || !text.includes(`tabwidget-static-${id}`)) continue;
      if (text === message.html) continue;
      output.setData({
        data: { ...output.data, "text/html": message.html, "text/plain": message.text },
      });
      changed += 1;
    }
  }
  return changed;
}
