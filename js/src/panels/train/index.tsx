import type { PanelModule } from "../../core/panel";
import "./train.css";
import { TrainPanel } from "./TrainPanel";

export default {
  name: "train",
  title: "Train",
  place: "drawer",
  View: TrainPanel,
} satisfies PanelModule;
