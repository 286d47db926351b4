import type { PanelModule } from "../../core/panel";
import "./query.css";
import { QueryPanel } from "./QueryPanel";

export default {
  name: "query",
  title: "Query",
  place: "center",
  View: QueryPanel,
  asks: true,
} satisfies PanelModule;
