// Modules that the bundler makes.
declare module "*.css";

// For tests: a stylesheet's text.
declare module "*.css?raw" {
  const text: string;
  export default text;
}

// `src/panels/*/index.tsx`; see `scan.mjs`.
declare module "virtual:panels" {
  const panels: readonly import("./core/panel").PanelModule[];
  export default panels;
}

// `src/panels/task/forms/*.tsx`.
declare module "virtual:task-forms" {
  const forms: readonly import("./panels/task/form").TaskForm[];
  export default forms;
}
