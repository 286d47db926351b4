// Step 1: where the rows come from, and what the columns are.
import { useState } from "preact/hooks";
import type { Snapshot } from "../../core/protocol";
import type { Store } from "../../core/store";
import { useStore } from "../../core/store";
import { count } from "../../ui/format";
import { Card, ErrorLine, useErrors } from "../../ui/parts";
import { ColumnList } from "./ColumnList";
import { readUpload, SourcePicker } from "./SourcePicker";

/** What the columns are in the task that is chosen. */
function partsOf({ choices, labeling }: Snapshot): Record<string, string> {
  if (!labeling) return choices.target === null ? {} : { [choices.target]: "target" };
  const all = (names: readonly string[], part: string) => names.map((name) => [name, part]);
  return Object.fromEntries([...all(labeling.texts, "text"), ...all(labeling.labels, "label")]);
}

export function DataPanel({ store }: { store: Store }) {
  const { snapshot, transport } = useStore(store);
  const [error, attempt] = useErrors();
  const [over, setOver] = useState(false);
  const table = snapshot.table;

  const load = (source: string, name: string) =>
    attempt(() => transport.request("load", { source, name }));
  const upload = (file: File) =>
    attempt(async () => {
      const bytes = await readUpload(file);
      await transport.request("load", { source: "upload", name: file.name }, [bytes]);
    });

  const note = table && (
    <>
      <strong>{table.name}</strong> {count(table.rows)} rows × {table.columns.length} columns
    </>
  );
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the file button does the same by keyboard
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
        if (file) upload(file);
      }}
    >
      <Card
        step={1}
        title="Data"
        area="data"
        python={snapshot.python}
        note={note ?? "no table yet"}
      >
        <SourcePicker
          offers={snapshot.offers}
          onLoad={load}
          onUpload={upload}
          onRefresh={() => attempt(() => transport.request("frames", {}))}
        />
        <ErrorLine message={error} />
        {table ? (
          <ColumnList columns={table.columns} parts={partsOf(snapshot)} />
        ) : (
          <p class="tw-empty">
            Choose a sample, a DataFrame of this notebook, or drop a file here.
          </p>
        )}
      </Card>
    </div>
  );
}
