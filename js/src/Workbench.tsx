// The panels in one layout, themed, with a notice when the kernel is gone.

import panels from "virtual:panels";
import { useEffect, useRef, useState } from "preact/hooks";
import type { PanelModule } from "./core/panel";
import { type Store, useAlive, useSlice } from "./core/store";
import { type Theme, themeOf, watchTheme } from "./core/theme";

/**
 * Keep key presses in a control from JupyterLab, which takes them first (arrows select cells,
 * Enter edits one, "dd" deletes it) unless the element in focus has this attribute.
 */
function keepKeys(event: FocusEvent): void {
  if (event.target instanceof Element) {
    event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  }
}

/** The panels to draw; one that asks gives its place to the one that suits the task. */
export function drawnPanels(
  all: readonly PanelModule[],
  names: readonly string[],
  suited: string | undefined,
): PanelModule[] {
  const asking = all.filter((panel) => panel.asks).map((panel): string => panel.name);
  const asked = suited ?? names.find((name) => asking.includes(name)) ?? "";
  const drawn = new Set(names.map((name) => (asking.includes(name) ? asked : name)));
  return [...drawn].flatMap((name) => all.filter((panel) => panel.name === name));
}

export function Workbench({ store }: { store: Store }) {
  const alive = useAlive(store);
  const { panel } = useSlice(store, "task");
  const root = useRef<HTMLElement>(null);
  const [theme, setTheme] = useState<Theme>("light");

  useEffect(() => {
    const node = root.current;
    if (!node) return;
    const read = () => setTheme(themeOf(node));
    read();
    return watchTheme(read);
  }, []);

  const drawn = drawnPanels(panels, store.panels, panel);
  return (
    <section
      ref={root}
      class="tw-root"
      data-tw-theme={theme}
      data-tw-alive={String(alive)}
      aria-label="tabwidget"
      onFocusCapture={keepKeys}
    >
      {!alive && (
        <p class="tw-gone" role="status">
          The kernel is gone. This is a static view: run the cell again.
        </p>
      )}
      <fieldset disabled={!alive} class="tw-layout" data-tw-panels={drawn.length}>
        {drawn.map(({ name, View }) => (
          <View key={name} store={store} />
        ))}
      </fieldset>
    </section>
  );
}
