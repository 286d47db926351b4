// Start, stop and resume a fit, with its loss curve, metrics and training rows.
import { useEffect, useState } from "preact/hooks";
import type { PanelProps } from "../../core/panel";
import type { Json, RunStats } from "../../core/protocol";
import { importScript } from "../../core/script";
import { useAlive, useLive, usePython, useSlice } from "../../core/store";
import { Chart, type Drawing } from "../../ui/chart";
import { count, number, SCORES, score } from "../../ui/format";
import { Card, ErrorLine, useErrors } from "../../ui/parts";
import { Examples } from "./Examples";
import { Gains } from "./Gains";
import { Progress, TrainButton, useTraining } from "./TrainButton";

const STATUS: Record<string, string> = {
  running: "training",
  done: "fitted",
  stopped: "stopped, best weights kept",
  failed: "failed",
};

/** A longer value takes two tiles. */
const MAX_LETTERS = 9;

export function TrainPanel({ store, framed = false }: PanelProps) {
  const { transport } = store;
  const alive = useAlive(store);
  const live = useLive(store);
  const python = usePython(store);
  const { table } = useSlice(store, "data");
  const { hint } = useSlice(store, "task");
  const { stage, gains = [] } = useSlice(store, "train");
  const { stats, running } = useTraining(store);
  const [error, attempt] = useErrors();
  const [chart, setChart] = useState<{ spec: Json; drawing: Drawing } | null>(null);

  useEffect(() => {
    if (!live || chart || !alive) return;
    attempt(async () => {
      const drawing = await importScript<Drawing>("charts", async () => {
        const [script] = (await transport.requestWithBuffers("chart-script", {})).buffers;
        if (!script) throw new Error("the kernel sent nothing to draw charts with");
        return script as DataView<ArrayBuffer>;
      });
      setChart({ spec: (await transport.request("loss-chart", {})).spec, drawing });
    });
  }, [live !== null]);

  const failed = stats?.error ?? "";
  const columns = table?.columns.map((column) => column.name) ?? [];
  return (
    <Card
      title="Train"
      area="train"
      python={python}
      note={stats ? STATUS[stats.status] : "not started"}
    >
      <div class="tw-row">
        {!framed && <TrainButton store={store} attempt={attempt} />}
        <button
          class="tw-button"
          type="button"
          disabled={!stats || running || stage !== "trained"}
          onClick={() => attempt(() => transport.request("start", { resume: true }))}
        >
          Resume
        </button>
        {stats && !framed && <Progress stats={stats} />}
      </div>
      <ErrorLine message={error || failed} />
      {stats?.note && <p class="tw-advice">{stats.note}</p>}
      {stats && <Metrics stats={stats} />}
      <div class="tw-train-views">
        {live && chart && (
          <Chart
            {...chart}
            dataset="losses"
            rows={live.points}
            revision={live.revision}
            height={230}
            label="Loss curve"
          />
        )}
        {!running && <Gains gains={gains} columns={columns} />}
        {live && <Examples texts={live.examples} />}
      </div>
      {!stats && <p class="tw-empty">{hint}</p>}
    </Card>
  );
}

function Metrics({ stats }: { stats: RunStats }) {
  const metrics: [string, string][] = [
    ["loss", number(stats.loss, 3)],
    ["best validation", number(stats.best_loss ?? stats.eval_loss, 3)],
    ...Object.entries(stats.metrics).map(([name, value]): [string, string] => [
      SCORES[name] ?? name,
      score(value, 3),
    ]),
    ["step", count(stats.step)],
    ["rows / s", count(stats.rows_per_second)],
    ["parameters", count(stats.n_parameters)],
  ];
  return (
    <ul class="tw-metrics">
      {metrics.map(([name, value]) => (
        <li key={name} class={value.length > MAX_LETTERS ? "tw-long" : ""}>
          <span>{name}</span>
          <strong>{value}</strong>
        </li>
      ))}
    </ul>
  );
}
