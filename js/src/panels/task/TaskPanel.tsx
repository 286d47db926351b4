// Step 2: what to learn, how a row is written, and for how long.
import { useEffect, useState } from "preact/hooks";
import type { Chosen, Cost, Preview } from "../../core/protocol";
import type { Store } from "../../core/store";
import { useStore } from "../../core/store";
import { Amount, Card, ErrorLine, Field, Segmented, Select, useErrors } from "../../ui/parts";
import { BackendChoice } from "./BackendChoice";
import { CostLine } from "./CostLine";
import { PretrainedFields } from "./PretrainedFields";
import { RowPreview } from "./RowPreview";
import { TextFields } from "./TextFields";

export function TaskPanel({ store }: { store: Store }) {
  const { snapshot, transport, alive } = useStore(store);
  const [error, attempt] = useErrors();
  const [unknown, attemptCost] = useErrors();
  const [preview, setPreview] = useState<(Preview & { labeled: boolean }) | null>(null);
  const [draw, setDraw] = useState(0);
  const [message, setMessage] = useState("");
  const [cost, setCost] = useState<Cost | null>(null);
  const { table, choices, offers, labeling } = snapshot;
  const columns = table?.columns ?? [];
  const rows = table?.rows ?? 0;
  const loaded = table?.name ?? "";
  const labeled = Boolean(labeling);
  const readable = rows > 0 && labeling?.texts.length !== 0;

  // What the text of a row, and so its tokens, depend on.
  const { target, task, serializer, backend, model, rank, quantization } = choices;
  const read = labeling && [
    labeling.texts,
    labeling.labels,
    labeling.delimiter,
    labeling.max_length,
  ];
  const tuned = labeling ?? { model, rank, quantization };
  const shown = [target, task, serializer, backend, JSON.stringify(read)];
  const held = [tuned.model, tuned.rank, tuned.quantization];

  const choose = (change: Chosen) =>
    attempt(async () => setMessage((await transport.request("choose", change)).message));

  useEffect(() => {
    if (!readable || !alive) return;
    attempt(async () => {
      // A stride that shares no factor with most row counts visits rows in no visible order.
      const row = (draw * 7919) % rows;
      setPreview({ ...(await transport.latest("preview", { row, draw })), labeled });
    });
  }, [draw, rows, loaded, ...shown, ...held]);

  useEffect(() => {
    setCost(null);
    if (!rows || !alive) return;
    attemptCost(async () => setCost((await transport.latest("cost", {})).cost));
  }, [rows, loaded, choices.max_seconds, ...shown, ...held]);

  return (
    <Card step={2} title="Task" area="task" python={snapshot.python} note={message}>
      <div class={labeled ? "tw-fields tw-fields-text" : "tw-fields"}>
        {!labeling && (
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
        )}
        <Field label="Task">
          <Segmented
            label="Task"
            options={offers.tasks}
            value={choices.task}
            onChange={(task) => choose({ task })}
          />
        </Field>
        {labeling ? (
          <TextFields labeling={labeling} columns={columns} onChange={choose} />
        ) : (
          <Field label="Rows as">
            <Segmented
              label="Serializer"
              options={offers.serializers}
              value={choices.serializer}
              onChange={(serializer) => choose({ serializer })}
            />
          </Field>
        )}
        <Field label="Train for">
          <Amount
            label="Seconds to train"
            unit="seconds"
            value={choices.max_seconds}
            range={[1, 3600]}
            onChange={(max_seconds) => choose({ max_seconds })}
          />
        </Field>
        {labeling && (
          <Field label="Read up to">
            <Amount
              label="Tokens to read"
              unit="tokens"
              value={labeling.max_length}
              range={[8, 8192]}
              onChange={(max_length) => choose({ max_length })}
            />
          </Field>
        )}
        {labeling ? (
          <PretrainedFields chosen={labeling} standard={labeling.standard} onChange={choose} />
        ) : (
          <BackendChoice choices={choices} backends={offers.backends} onChange={choose} />
        )}
      </div>
      {labeling?.command && (
        <p class="tw-advice" role="note">
          Labels for texts need more packages: <code>{labeling.command}</code>
        </p>
      )}
      <ErrorLine message={error} />
      <ErrorLine message={unknown === error ? "" : unknown} />
      <CostLine cost={cost} />
      {readable && preview?.labeled === labeled && (
        <RowPreview
          preview={preview}
          columns={columns.map((column) => column.name)}
          labeled={labeled}
          onNext={() => setDraw(draw + 1)}
        />
      )}
    </Card>
  );
}
