// Load a table from a sample, a notebook variable, a path or an uploaded file.
import { useState } from "preact/hooks";
import { onEnter, Segmented, Select } from "../../ui/parts";
import type { Frame } from "./types";
import { megabytes, type Upload } from "./upload";

const WAYS = ["sample", "variable", "path", "upload"] as const;

export function SourcePicker(props: {
  samples: readonly string[];
  frames: readonly Frame[];
  onLoad: (source: string, name: string) => void;
  onUpload: (file: File) => void;
  uploading: Upload | null;
  onCancel: () => void;
  onRefresh: () => void;
}) {
  const [way, setWay] = useState<string>("sample");
  const [path, setPath] = useState("");
  const { samples, frames } = props;
  const loadPath = () => {
    if (path.trim()) props.onLoad("path", path.trim());
  };
  if (props.uploading) return <Uploading upload={props.uploading} onCancel={props.onCancel} />;
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

/** Takes the place of the picker, so that nothing else is loaded meanwhile. */
function Uploading({ upload, onCancel }: { upload: Upload; onCancel: () => void }) {
  const { name, sent, size } = upload;
  const reading = sent >= size;
  return (
    <div class="tw-row tw-source tw-upload">
      <span class="tw-upload-name" title={name}>
        {name}
      </span>
      <progress
        class="tw-grow"
        aria-label={`Upload of ${name}`}
        max={size}
        value={reading ? undefined : sent}
      />
      <span class="tw-facts">
        {reading ? "reading the rows…" : `${megabytes(sent)} of ${megabytes(size)}`}
      </span>
      <button class="tw-button" type="button" disabled={reading} onClick={onCancel}>
        Cancel
      </button>
    </div>
  );
}
