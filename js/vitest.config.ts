import { defineConfig } from "vitest/config";
import { viteScan } from "./scan.mjs";

export default defineConfig({
  plugins: [viteScan],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: {
    environment: "happy-dom",
    css: true,
    include: ["tests/**/*.test.{ts,tsx}"],
    // One page for all files: making one takes longer than most tests.
    isolate: false,
  },
});
