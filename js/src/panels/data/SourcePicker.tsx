// Load a table from a sample, a notebook variable, a path or an uploaded file.
import { useState } from "preact/hooks";
import { onEnter, Segmented, Select } from "../../ui/parts";
import type { Frame } from "./types";

// Common proxies reject larger messages; a path has no such limit.
const MAX_BYTES = 50 * 2 ** 20;

export async function readUpload(file: File): Promise<ArrayBuffer> {
  if (!/\.(csv|tsv|txt|parquet)$/i.test(file.name)) {
    throw new Error(`${file.name} is not a table: choose a .csv, .tsv or .parquet file`);
  }
  if (file.size > MAX_BYTES) {
    throw new Error(`${file.name} is larger than 50 MB: load it by its path instead`);
  }
  return file.arrayBuffer();
}

const WAYS = ["sample", "variable", "path", "upload"] as const;

export function SourcePicker(props: {
  samples: readonly string[];
  frames: readonly Frame[];
  onLoad: (source: string, name: string) => void;
  onUpload: (file: File) => void;
  onRefresh: () => void;
}) {
  const [way, setWay] = useState<string>("sample");
  const [path, setPath] = useState("");
  const { samples, frames } = props;
  const loadPath = () => {
    if (path.trim()) props.onLoad("path", path.trim());
  };
  return (
    <div class="tw-row tw-source">
      <Segmented
        label="Source"
        options={WAYS}
        value={way}
        onChange={(next) => {
          setWay(next);
          if (next === "variable") props.onRefresh();
        }}
      />
      {way === "sample" && (
        <Select
          label="Sample"
          placeholder="choose a sample…"
          value=""
          options={samples.map((name) => ({ value: name, text: name }))}
          onChange={(name) => props.onLoad("sample", name)}
        />
      )}
      {way === "variable" && (
        <Select
          label="Variable"
          placeholder={frames.length ? "choose a DataFrame…" : "no DataFrame in this notebook"}
          value=""
          onFocus={props.onRefresh}
          options={frames.map((frame) => ({
            value: frame.name,
            text: `${frame.name} (${frame.rows} × ${frame.columns})`,
          }))}
          onChange={(name) => props.onLoad("variable", name)}
        />
      )}
      {way === "path" && (
        <div class="tw-row tw-grow">
          <input
            class="tw-input tw-grow"
            aria-label="Path"
            placeholder="data/table.csv"
            value={path}
            onKeyDown={onEnter(loadPath)}
            onInput={(event) => setPath(event.currentTarget.value)}
          />
          <button class="tw-button" type="button" onClick={loadPath}>
            Load
          </button>
        </div>
      )}
      {way === "upload" && (
        <input
          class="tw-input tw-grow"
          type="file"
          aria-label="File"
          accept=".csv,.tsv,.txt,.parquet"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) props.onUpload(file);
            event.currentTarget.value = "";
          }}
        />
      )}
    </div>
  );
}
