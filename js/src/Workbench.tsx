// All panels in one layout, themed, with a calm notice when the kernel has gone.
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Store, useStore } from "./core/store";
import { type Theme, themeOf, watchTheme } from "./core/theme";
import { DataPanel } from "./panels/data/DataPanel";
import { LabelsPanel } from "./panels/labels/LabelsPanel";
import { QueryPanel } from "./panels/query/QueryPanel";
import { TaskPanel } from "./panels/task/TaskPanel";
import { TrainPanel } from "./panels/train/TrainPanel";

const PANELS: Record<string, ComponentType<{ store: Store }>> = {
  data: DataPanel,
  task: TaskPanel,
  train: TrainPanel,
  query: AskPanel,
};

/** What is asked depends on the task: the labels of texts, or any column. */
function AskPanel({ store }: { store: Store }) {
  const { snapshot } = useStore(store);
  return snapshot.labeling ? (
    <LabelsPanel store={store} labeling={snapshot.labeling} />
  ) : (
    <QueryPanel store={store} />
  );
}

/**
 * Keys pressed in a control are the control's. JupyterLab would take them first (arrows select
 * cells, Enter edits one, "dd" deletes it) unless the very element in focus says otherwise.
 */
function keepKeys(event: FocusEvent): void {
  if (event.target instanceof Element) {
    event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  }
}

export function Workbench({ store }: { store: Store }) {
  const { alive, panels } = useStore(store);
  const root = useRef<HTMLElement>(null);
  const [theme, setTheme] = useState<Theme>("light");

  useEffect(() => {
    const node = root.current;
    if (!node) return;
    const read = () => setTheme(themeOf(node));
    read();
    return watchTheme(read);
  }, []);

  const drawn = panels.flatMap((name) => {
    const Panel = PANELS[name];
    return Panel ? [{ name, Panel }] : [];
  });
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
          The kernel has gone. This is a static view: run the cell again to go on.
        </p>
      )}
      <fieldset disabled={!alive} class="tw-layout" data-tw-panels={drawn.length}>
        {drawn.map(({ name, Panel }) => (
          <Panel key={name} store={store} />
        ))}
      </fieldset>
    </section>
  );
}
