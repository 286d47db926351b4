// The bar of the workbench: the table, what answers, training, and what opens below.
import { useEffect, useState } from "preact/hooks";
import type { PanelModule } from "./core/panel";
import { type Store, useAlive, usePython, useSlice } from "./core/store";
import { TrainSeconds } from "./panels/task/TrainSeconds";
import { Progress, TrainButton, useTraining } from "./panels/train/TrainButton";
import { count } from "./ui/format";
import { FullScreenIcon } from "./ui/icons";
import { ErrorLine, Sources, useErrors } from "./ui/parts";
import { CopyPython } from "./ui/python";

/** Milliseconds for the first answers, before their skill is measured. */
const REST = 2500;

export function TopBar(props: {
  store: Store;
  drawers: readonly PanelModule[];
  /** Name of the drawer that is open. */
  open: string | null;
  onOpen: (name: string | null) => void;
  /** Fill the screen, or leave it. */
  onFull: () => void;
}) {
  const { store, drawers, open, onOpen } = props;
  const alive = useAlive(store);
  const python = usePython(store);
  const { table } = useSlice(store, "data");
  const { sources = [], better } = useSlice(store, "train");
  const { stats, running } = useTraining(store);
  const [error, attempt] = useErrors();
  const [seen, setSeen] = useState(false);

  // Once the first answers are there, and again for another model.
  const unmeasured = alive && sources.length > 0 && !better && !running;
  useEffect(() => {
    if (!unmeasured) return;
    const timer = setTimeout(() => {
      store.transport.request("skill", {}).catch(() => {});
    }, REST);
    return () => clearTimeout(timer);
  }, [unmeasured, table]);

  const text = (panel: PanelModule) => {
    if (panel.name !== "data") return panel.title;
    if (!table) return "Load a table";
    return (
      <>
        <b>{table.name}</b> {count(table.rows)} × {table.columns.length}
      </>
    );
  };
  return (
    <header class="tw-bar">
      <div class="tw-bar-row">
        {drawers.map((panel) => (
          <button
            key={panel.name}
            type="button"
            class={open === panel.name ? "tw-bar-button tw-on" : "tw-bar-button"}
            aria-label={`Show ${panel.title}`}
            aria-expanded={open === panel.name}
            onClick={() => onOpen(open === panel.name ? null : panel.name)}
          >
            {text(panel)}
          </button>
        ))}
        <Sources sources={sources} better={better} />
        <div class="tw-bar-end">
          {alive && stats && <Progress stats={stats} />}
          <TrainButton
            store={store}
            attempt={attempt}
            onStart={() => {
              // Once: who closed it does not want it again.
              if (!seen) onOpen("train");
              setSeen(true);
            }}
          />
          {!running && (
            <TrainSeconds
              store={store}
              onChange={(change) => attempt(() => store.transport.request("choose", change))}
            />
          )}
          <CopyPython
            class="tw-brackets"
            label="Copy the session as Python"
            text="</>"
            python={python}
          />
          <button
            class="tw-icon"
            type="button"
            aria-label="Full screen"
            title="full screen"
            onClick={props.onFull}
          >
            <FullScreenIcon />
          </button>
        </div>
      </div>
      <ErrorLine message={error} />
    </header>
  );
}
