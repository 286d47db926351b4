// The panels of one view in one frame, or alone; themed, with a notice when the kernel is gone.

import panels from "virtual:panels";
import { useEffect, useRef, useState } from "preact/hooks";
import { shareKeys } from "./core/keys";
import type { PanelModule } from "./core/panel";
import { type Store, useAlive, useSlice } from "./core/store";
import { type Theme, themeOf, watchTheme } from "./core/theme";
import { TopBar } from "./TopBar";
import { Tabs } from "./ui/tabs";

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

function useTheme(root: { current: HTMLElement | null }): Theme {
  const [theme, setTheme] = useState<Theme>("light");
  useEffect(() => {
    const node = root.current;
    if (!node) return;
    const read = () => setTheme(themeOf(node));
    read();
    return watchTheme(read);
  }, []);
  return theme;
}

/** Milliseconds without a reply after which that is said. */
const SILENCE = 8000;

/** Whether the kernel has not replied for long: it is busy, or this page has lost it. */
function useSilence(store: Store): boolean {
  const [silent, setSilent] = useState(false);
  useEffect(() => {
    const timer = setInterval(() => setSilent(store.transport.silent(SILENCE)), 1000);
    return () => clearInterval(timer);
  }, [store]);
  return silent;
}

export function Workbench({ store }: { store: Store }) {
  const alive = useAlive(store);
  const { panel } = useSlice(store, "task");
  const root = useRef<HTMLElement>(null);
  const theme = useTheme(root);
  const silent = useSilence(store);
  useEffect(() => (root.current ? shareKeys(root.current) : undefined), []);
  const drawn = drawnPanels(panels, store.panels, panel);
  return (
    <section
      ref={root}
      class="tw-root"
      data-tw-theme={theme}
      data-tw-alive={String(alive)}
      aria-label="tabwidget"
    >
      {!alive && (
        <p class="tw-gone" role="status">
          {store.closed
            ? "This panel was closed. This is a static view: make a new one to go on."
            : "The kernel is gone. This is a static view: run the cell again."}
        </p>
      )}
      {alive && silent && (
        <p class="tw-gone" role="status">
          The kernel has not answered for a while. It may be busy with a cell; if it is idle, run
          the cell of this workbench again.
        </p>
      )}
      <fieldset disabled={!alive} class="tw-layout">
        {store.framed ? (
          <Frame store={store} drawn={drawn} root={root} />
        ) : (
          drawn.map(({ name, View }) => <View key={name} store={store} />)
        )}
      </fieldset>
    </section>
  );
}

function Frame(props: {
  store: Store;
  drawn: readonly PanelModule[];
  root: { current: HTMLElement | null };
}) {
  const { store, drawn } = props;
  const { table } = useSlice(store, "data");
  const [chosen, setChosen] = useState<string | null>(null);
  const at = (place: PanelModule["place"]) => drawn.filter((panel) => panel.place === place);
  // Without a table there is one thing to do.
  const open = chosen ?? (table === null ? "data" : null);
  const tabs = table ? at("tab") : [];
  const rail = at("rail");

  const full = () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    // Refused in some hosts; the workbench then stays as it is.
    else void props.root.current?.requestFullscreen().catch(() => {});
  };
  return (
    <div class="tw-frame">
      <TopBar store={store} drawers={at("drawer")} open={open} onOpen={setChosen} onFull={full} />
      {at("drawer").map(
        ({ name, View }) =>
          open === name && (
            <div key={name} class="tw-drawer">
              <View store={store} framed />
            </div>
          ),
      )}
      <div class={rail.length ? "tw-main tw-with-rail" : "tw-main"}>
        {rail.map(({ name, View }) => (
          <div key={name} class="tw-rail">
            <View store={store} framed />
          </div>
        ))}
        <div class="tw-center">
          {at("center").map(({ name, View }) => (
            <View key={name} store={store} framed />
          ))}
          <Tabs
            label="More"
            tabs={tabs.map(({ name, title, View }) => ({
              name,
              title,
              content: () => <View store={store} framed />,
            }))}
          />
        </div>
      </div>
    </div>
  );
}
