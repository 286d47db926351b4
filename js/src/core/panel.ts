// What a folder in `src/panels` exports.
import type { ComponentType } from "preact";
import type { SliceName } from "./protocol";
import type { Store } from "./store";

export interface PanelModule {
  /** Also the name of the panel's slice. */
  name: SliceName;
  View: ComponentType<{ store: Store }>;
  /** Queries the fitted model: of such panels only the one that suits the task is shown. */
  asks?: true;
}
