import type { PanelModule } from "../../core/panel";
import "./train.css";
import { TrainPanel } from "./TrainPanel";

export default { name: "train", View: TrainPanel } satisfies PanelModule;
