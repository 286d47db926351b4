import type { PanelModule } from "../../core/panel";
import "./data.css";
import { DataPanel } from "./DataPanel";

export default { name: "data", View: DataPanel } satisfies PanelModule;
