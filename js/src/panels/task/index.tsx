import type { PanelModule } from "../../core/panel";
import "./task.css";
import { TaskPanel } from "./TaskPanel";

export default { name: "task", View: TaskPanel } satisfies PanelModule;
