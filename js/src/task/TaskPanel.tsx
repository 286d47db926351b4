// Step 2: what to learn, how a row is written, and for how long.
import { useEffect, useState } from "preact/hooks";
import { Card, ErrorLine, Field, Segmented, Select, useErrors } from "../shared/parts";
import type { Choices, Preview } from "../shared/protocol";
import type { Store } from "../shared/store";
import { useStore } from "../shared/store";
import { RowText } from "./RowText";

export function TaskPanel({ store }: { store: Store }) {
  const { snapshot, transport, alive } = useStore(store);
  const [error, attempt] = useErrors();
  const [preview, setPreview] = useState<Preview | null>(null);
  const [draw, setDraw] = useState(0);
  const [message, setMessage] = useState("");
  const { table, choices, offers } = snapshot;
  const columns = table?.columns ?? [];
  const rows = table?.rows ?? 0;
  const loaded = table?.name ?? "";

  const choose = (change: Partial<Choices>) =>
    attempt(async () => setMessage((await transport.request("choose", change)).message));

  useEffect(() => {
    if (!rows || !alive) return;
    attempt(async () => {
      // A stride that shares no factor with most row counts visits rows in no visible order.
      const row = (draw * 7919) % rows;
      setPreview(await transport.latest("preview", { row, draw }));
    });
  }, [draw, rows, loaded, choices.serializer, choices.target, choices.task]);

  return (
    <Card step={2} title="Task" area="task" python={snapshot.python} note={message}>
      <div class="tw-fields">
        <Field label="Predict">
          <Select
            label="Target column"
            placeholder="choose a column…"
            value={choices.target ?? ""}
            options={columns
              .filter((column) => column.role === "feature")
              .map((column) => ({ value: column.name, text: column.name }))}
            onChange={(target) => choose({ target })}
          />
        </Field>
        <Field label="Task">
          <Segmented
            label="Task"
            options={offers.tasks}
            value={choices.task}
            onChange={(task) => choose({ task })}
          />
        </Field>
        <Field label="Rows as">
          <Segmented
            label="Serializer"
            options={offers.serializers}
            value={choices.serializer}
            onChange={(serializer) => choose({ serializer })}
          />
        </Field>
        <Field label="Train for">
          <span class="tw-row">
            <input
              class="tw-input tw-short"
              type="number"
              min="1"
              max="3600"
              aria-label="Seconds to train"
              value={choices.max_seconds ?? ""}
              onChange={(event) => choose({ max_seconds: event.currentTarget.valueAsNumber })}
            />
            seconds
          </span>
        </Field>
      </div>
      <ErrorLine message={error} />
      {preview && table && (
        <div class="tw-preview">
          <div class="tw-row tw-spread">
            <span class="tw-label">
              Row {preview.row + 1} as the model reads it, columns in a fresh order
            </span>
            <button class="tw-button tw-small" type="button" onClick={() => setDraw(draw + 1)}>
              Shuffle
            </button>
          </div>
          <RowText preview={preview} columns={columns.map((column) => column.name)} />
        </div>
      )}
    </Card>
  );
}
