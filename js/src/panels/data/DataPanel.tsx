// Load a table.
import { useState } from "preact/hooks";
import { type Store, usePython, useSlice } from "../../core/store";
import { count } from "../../ui/format";
import { Card, ErrorLine, useErrors } from "../../ui/parts";
import { SourcePicker } from "./SourcePicker";
import type { Frame } from "./types";
import { useUpload } from "./upload";

export function DataPanel({ store }: { store: Store }) {
  const { transport } = store;
  const python = usePython(store);
  const { table, samples = [] } = useSlice(store, "data");
  const [error, attempt] = useErrors();
  const [over, setOver] = useState(false);
  const [frames, setFrames] = useState<readonly Frame[]>([]);

  const load = (source: string, name: string) =>
    attempt(() => transport.request("load", { source, name }));
  const { uploading, upload, cancel } = useUpload(transport);
  const send = (file: File) => attempt(() => upload(file));

  const note = table && (
    <>
      <strong>{table.name}</strong> {count(table.rows)} rows × {table.columns.length} columns
    </>
  );
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the file input does the same by keyboard
    <div
      class={over ? "tw-drop tw-drop-over" : "tw-drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        setOver(false);
        const file = event.dataTransfer?.files[0];
        if (file) send(file);
      }}
    >
      <Card title="Data" area="data" python={python} note={note ?? "no table yet"}>
        <SourcePicker
          samples={samples}
          frames={frames}
          onLoad={load}
          onUpload={send}
          uploading={uploading}
          onCancel={cancel}
          onRefresh={() =>
            attempt(async () => setFrames((await transport.request("frames", {})).frames))
          }
        />
        <ErrorLine message={error} />
        {!table && (
          <p class="tw-empty">
            Choose a sample or a DataFrame of this notebook, or drop a file here.
          </p>
        )}
      </Card>
    </div>
  );
}
