import type { PanelModule } from "../../core/panel";
import "./rows.css";
import { RowsPanel } from "./RowsPanel";

export default {
  name: "rows",
  title: "Rows",
  place: "tab",
  View: RowsPanel,
} satisfies PanelModule;
