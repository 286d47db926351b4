import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import panels from "virtual:panels";
import forms from "virtual:task-forms";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { scan, source } from "../scan.mjs";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "scan-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), "export default 1;\n");
}

describe("scanning", () => {
  it("finds a panel whose folder is dropped in", () => {
    write("panels/query/index.tsx");
    write("panels/query/view.tsx");
    write("panels/notes.txt");
    expect(scan(root, "panels/*/index.tsx")).toEqual(["panels/query/index.tsx"]);
    write("panels/evaluate/index.tsx");
    expect(scan(root, "panels/*/index.tsx")).toEqual([
      "panels/evaluate/index.tsx",
      "panels/query/index.tsx",
    ]);
    expect(source(root, "panels/*/index.tsx")).toContain("panels/evaluate/index.tsx");
    expect(source(root, "panels/*/index.tsx")).toContain("export default [m0,m1];");
  });

  it("finds a form whose file is dropped in", () => {
    expect(scan(root, "forms/*.tsx")).toEqual([]);
    write("forms/rows.tsx");
    write("forms/notes.md");
    expect(scan(root, "forms/*.tsx")).toEqual(["forms/rows.tsx"]);
  });

  it("makes the modules that the sources import", () => {
    const names = panels.map(({ name }) => name);
    expect(names).toEqual(["columns", "data", "labels", "query", "rows", "task", "train"]);
    expect(forms.map(({ kind }) => kind)).toEqual(["rows", "text-labels"]);
  });
});
