import type { PanelModule } from "../../core/panel";
import "./task.css";
import { TaskPanel } from "./TaskPanel";

export default {
  name: "task",
  title: "Task",
  place: "drawer",
  View: TaskPanel,
} satisfies PanelModule;
