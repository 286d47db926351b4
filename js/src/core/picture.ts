// Keep the static view in the notebook document up to date, also after a page reload.
//
// JupyterLab forgets on reload which execution displayed an output, and then drops its updates.
// The widget manager has the open document, so the static view is found there by its class. In a
// host without such a document nothing happens.

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

/** Update every output of the document that shows the view; returns how many changed. */
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
