// What a folder in `src/panels` exports.
import type { ComponentType } from "preact";
import type { SliceName } from "./protocol";
import type { Store } from "./store";

/** The region of the workbench: a drawer of the top bar, the rail, the center, or a tab below it. */
export type Place = "drawer" | "rail" | "center" | "tab";

export interface PanelProps {
  store: Store;
  /** Drawn inside the frame of the workbench, which has controls of its own. */
  framed?: boolean;
}

export interface PanelModule {
  /** Also the name of the panel's slice. */
  name: SliceName;
  title: string;
  place: Place;
  View: ComponentType<PanelProps>;
  /** Queries the fitted model: of such panels only those that suit the task are shown. */
  asks?: true;
}
