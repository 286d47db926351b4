// What draws charts: a bundle of its own, several times as large as the workbench without it.
export { changeset } from "vega";
export { default as embed } from "vega-embed";
export { expressionInterpreter } from "vega-interpreter";
