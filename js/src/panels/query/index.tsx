import type { PanelModule } from "../../core/panel";
import "./query.css";
import { QueryPanel } from "./QueryPanel";

export default { name: "query", View: QueryPanel, asks: true } satisfies PanelModule;
