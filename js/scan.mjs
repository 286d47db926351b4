// Virtual modules that import every file a pattern finds: a new file there needs no other line.
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Default exports of the files, as an array in the order of their names. */
const MODULES = {
  "virtual:panels": "panels/*/index.tsx",
  "virtual:task-forms": "panels/task/forms/*.tsx",
};

const SRC = join(dirname(fileURLToPath(import.meta.url)), "src");
const FILTER = /^virtual:/;

/** Paths below `root` that match a pattern with one star, sorted. */
export function scan(root, pattern) {
  const [folder, end] = pattern.split("*");
  const at = join(root, folder);
  if (!existsSync(at)) return [];
  const names = readdirSync(at).map((name) =>
    name.endsWith(end) ? name.slice(0, -end.length) : name,
  );
  const paths = [...new Set(names)].sort().map((name) => folder + name + end);
  return paths.filter((path) => existsSync(join(root, path)));
}

/** Source of a module that exports the defaults of the files found. */
export function source(root, pattern) {
  const paths = scan(root, pattern).map((path) => JSON.stringify(join(root, path)));
  const imports = paths.map((path, i) => `import m${i} from ${path};\n`).join("");
  return `${imports}export default [${paths.map((_, i) => `m${i}`)}];\n`;
}

function load(id) {
  const pattern = MODULES[id];
  if (!pattern) throw new Error(`no virtual module ${id}: name one of ${Object.keys(MODULES)}`);
  return source(SRC, pattern);
}

export const esbuildScan = {
  name: "scan",
  setup(build) {
    build.onResolve({ filter: FILTER }, ({ path }) => ({ path, namespace: "scan" }));
    build.onLoad({ filter: FILTER, namespace: "scan" }, ({ path }) => ({
      contents: load(path),
      resolveDir: SRC,
    }));
  },
};

export const viteScan = {
  name: "scan",
  resolveId: (id) => (FILTER.test(id) ? `\0${id}` : null),
  load: (id) => (id.startsWith("\0virtual:") ? load(id.slice(1)) : null),
};
