// The entry point that anywidget calls: one view of the panels over one session.
import type { RenderProps } from "@anywidget/types";
import { render as mount } from "preact";
import "./ui/workbench.css";
import { hideStatic } from "./core/fallback";
import { Store, type WidgetState } from "./core/store";
import { Workbench } from "./Workbench";

function render({ model, el }: RenderProps<WidgetState>): () => void {
  const store = new Store(model);
  const showStatic = hideStatic(model.get("static_id"));
  mount(<Workbench store={store} />, el);
  return () => {
    mount(null, el);
    store.close();
    showStatic();
  };
}

export default { render };
