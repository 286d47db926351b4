// The task, its settings, the cost of a fit, and a row as model input.

import forms from "virtual:task-forms";
import { useEffect, useState } from "preact/hooks";
import type { PanelProps } from "../../core/panel";
import { useAlive, usePython, useSlice } from "../../core/store";
import { Card, ErrorLine, Field, Segmented, useErrors } from "../../ui/parts";
import { CostLine } from "./CostLine";
import type { FormProps } from "./form";
import { RowPreview } from "./RowPreview";
import { TrainSeconds } from "./TrainSeconds";
import type { Cost, Preview, TaskChange } from "./types";

/** For a kind without a form: the fields that all tasks have. */
function CommonForm({ task, seconds }: FormProps) {
  return (
    <div class="tw-fields">
      {task}
      {seconds}
    </div>
  );
}

export function TaskPanel({ store, framed = false }: PanelProps) {
  const { transport } = store;
  const alive = useAlive(store);
  const python = usePython(store);
  const { table } = useSlice(store, "data");
  const { tasks = [], task = "", kind, settings, offers, max_seconds } = useSlice(store, "task");
  const [error, attempt] = useErrors();
  const [costError, attemptCost] = useErrors();
  const [preview, setPreview] = useState<(Preview & { kind?: string }) | null>(null);
  const [draw, setDraw] = useState(0);
  const [message, setMessage] = useState("");
  const [cost, setCost] = useState<Cost | null>(null);
  const columns = table?.columns ?? [];
  const rows = table?.rows ?? 0;
  const form = forms.find((one) => one.kind === kind);
  const previewable = rows > 0 && (form?.previews?.(settings, offers) ?? true);

  // What the preview and the cost depend on.
  const dependencies = [rows, table?.name, task, JSON.stringify(settings)];

  const choose = (change: TaskChange) =>
    attempt(async () => setMessage((await transport.request("choose", change)).message));

  useEffect(() => {
    if (!previewable || !alive) return;
    attempt(async () => {
      // A stride that shares no factor with most row counts visits rows in no visible order.
      const row = (draw * 7919) % rows;
      setPreview({ ...(await transport.latest("preview", { row, draw })), kind });
    });
  }, [draw, ...dependencies]);

  useEffect(() => {
    setCost(null);
    if (!rows || !alive) return;
    attemptCost(async () => setCost((await transport.latest("cost", {})).cost));
  }, [max_seconds, ...dependencies]);

  const Form = form?.View ?? CommonForm;
  return (
    <Card title="Task" area="task" python={python} note={message}>
      {settings && (
        <Form
          settings={settings}
          offers={offers}
          columns={columns}
          onChange={choose}
          task={
            <Field label="Task">
              <Segmented
                label="Task"
                options={tasks}
                value={task}
                onChange={(task) => choose({ task })}
              />
            </Field>
          }
          seconds={
            // The bar of the workbench has it.
            !framed && (
              <Field label="Train for">
                <TrainSeconds store={store} onChange={choose} />
              </Field>
            )
          }
        />
      )}
      <ErrorLine message={error} />
      <ErrorLine message={costError === error ? "" : costError} />
      <CostLine cost={cost} />
      {previewable && preview?.kind === kind && preview && (
        <RowPreview
          preview={preview}
          columns={columns.map((column) => column.name)}
          onNext={() => setDraw(draw + 1)}
        />
      )}
    </Card>
  );
}
