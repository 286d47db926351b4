// The entry point that anywidget calls: one view of the panels over one session.
import "./ui/theme.css";
import "./ui/parts.css";
import "./ui/controls.css";
import "./ui/frame.css";
import panels from "virtual:panels";
import type { RenderProps } from "@anywidget/types";
import { render as mount } from "preact";
import { hideStatic } from "./core/fallback";
import type { WidgetState } from "./core/protocol";
import { Store } from "./core/store";
import { Workbench } from "./Workbench";
import "./ui/motion.css";

function render({ model, el }: RenderProps<WidgetState>): () => void {
  const store = new Store(
    model,
    panels.map(({ name }) => name),
  );
  const showStatic = hideStatic(model.get("static_id"));
  mount(<Workbench store={store} />, el);
  return () => {
    mount(null, el);
    store.close();
    showStatic();
  };
}

export default { render };
