// Bundles the workbench into one script and one stylesheet, and what draws charts, which is sent to
// a page when it draws one, into another: nothing is fetched at run time.
import { build } from "esbuild";
import { esbuildScan } from "./scan.mjs";

const outdir = new URL("../tabwidget/widgets/static/", import.meta.url).pathname;

await build({
  entryPoints: { workbench: "src/index.tsx", charts: "src/charts.ts" },
  absWorkingDir: new URL(".", import.meta.url).pathname,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir,
  plugins: [esbuildScan],
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none",
  logLevel: "warning",
});
