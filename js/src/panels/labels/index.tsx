import type { PanelModule } from "../../core/panel";
import "./labels.css";
import { LabelsPanel } from "./LabelsPanel";

export default {
  name: "labels",
  title: "Labels",
  place: "center",
  View: LabelsPanel,
  asks: true,
} satisfies PanelModule;
