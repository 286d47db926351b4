import type { PanelModule } from "../../core/panel";
import "./data.css";
import { DataPanel } from "./DataPanel";

export default {
  name: "data",
  title: "Data",
  place: "drawer",
  View: DataPanel,
} satisfies PanelModule;
