import type { PanelModule } from "../../core/panel";
import "./labels.css";
import { LabelsPanel } from "./LabelsPanel";

export default { name: "labels", View: LabelsPanel, asks: true } satisfies PanelModule;
