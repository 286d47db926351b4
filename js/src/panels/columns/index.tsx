import type { PanelModule } from "../../core/panel";
import { ColumnsPanel } from "./ColumnsPanel";
import "./columns.css";

export default {
  name: "columns",
  title: "Columns",
  place: "rail",
  View: ColumnsPanel,
} satisfies PanelModule;
