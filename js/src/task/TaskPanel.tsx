// Step 2: what to learn, how a row is written, and for how long.
import { useEffect, useState } from "preact/hooks";
import { count } from "../shared/format";
import { Card, ErrorLine, Field, Segmented, Select, useErrors } from "../shared/parts";
import type { Choices, Cost, Preview } from "../shared/protocol";
import type { Store } from "../shared/store";
import { useStore } from "../shared/store";
import { CostLine } from "./CostLine";
import { EngineChoice } from "./EngineChoice";
import { RowText } from "./RowText";

export function TaskPanel({ store }: { store: Store }) {
  const { snapshot, transport, alive } = useStore(store);
  const [error, attempt] = useErrors();
  const [unknown, attemptCost] = useErrors();
  const [preview, setPreview] = useState<Preview | null>(null);
  const [draw, setDraw] = useState(0);
  const [message, setMessage] = useState("");
  const [cost, setCost] = useState<Cost | null>(null);
  const { table, choices, offers } = snapshot;
  const columns = table?.columns ?? [];
  const rows = table?.rows ?? 0;
  const loaded = table?.name ?? "";

  // What the text of a row, and so its tokens, depend on.
  const { target, task, serializer, backend, model, rank, quantization } = choices;
  const shown = [target, task, serializer, backend, model, rank, quantization];

  const choose = (change: Partial<Choices>) =>
    attempt(async () => setMessage((await transport.request("choose", change)).message));

  useEffect(() => {
    if (!rows || !alive) return;
    attempt(async () => {
      // A stride that shares no factor with most row counts visits rows in no visible order.
      const row = (draw * 7919) % rows;
      setPreview(await transport.latest("preview", { row, draw }));
    });
  }, [draw, rows, loaded, ...shown]);

  useEffect(() => {
    setCost(null);
    if (!rows || !alive) return;
    attemptCost(async () => setCost((await transport.latest("cost", {})).cost));
  }, [rows, loaded, choices.max_seconds, ...shown]);

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
        <EngineChoice choices={choices} engines={offers.engines} onChange={choose} />
      </div>
      <ErrorLine message={error} />
      <ErrorLine message={unknown === error ? "" : unknown} />
      <CostLine cost={cost} />
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
          {preview.tokens.length > 0 && (
            <p class="tw-label">
              {count(preview.tokens.length)} tokens; those{" "}
              <span class="tw-token-learned">underlined</span> are learned, the others only read
            </p>
          )}
        </div>
      )}
    </Card>
  );
}
