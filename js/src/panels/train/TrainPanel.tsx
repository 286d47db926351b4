// Step 3: start, stop and resume a fit, with its loss curve, metrics and training rows.
import { useEffect, useState } from "preact/hooks";
import type { Json, RunStats } from "../../core/protocol";
import { type Store, useAlive, useLive, usePython, useSlice } from "../../core/store";
import { Chart } from "../../ui/chart";
import { count, number, SCORES, score, seconds } from "../../ui/format";
import { Card, ErrorLine, useErrors } from "../../ui/parts";
import { Examples } from "./Examples";
import { Gains } from "./Gains";

const STATUS: Record<string, string> = {
  running: "training",
  done: "fitted",
  stopped: "stopped, best weights kept",
  failed: "failed",
};

/** A longer value takes two tiles. */
const MAX_LETTERS = 9;

export function TrainPanel({ store }: { store: Store }) {
  const { transport } = store;
  const alive = useAlive(store);
  const live = useLive(store);
  const python = usePython(store);
  const { table } = useSlice(store, "data");
  const { hint } = useSlice(store, "task");
  const { stage, trains = true, gains = [] } = useSlice(store, "train");
  const [error, attempt] = useErrors();
  const [spec, setSpec] = useState<Json>(null);
  const stats = live?.stats ?? null;
  const running = stats?.status === "running" && alive;

  useEffect(() => {
    if (!live || spec !== null || !alive) return;
    attempt(async () => setSpec((await transport.request("loss-chart", {})).spec));
  }, [live !== null]);

  const start = (resume: boolean) => attempt(() => transport.request("start", { resume }));
  const failed = stats?.error ?? "";
  const columns = table?.columns.map((column) => column.name) ?? [];
  return (
    <Card
      step={3}
      title="Train"
      area="train"
      python={python}
      note={stats ? STATUS[stats.status] : "not started"}
    >
      <div class="tw-row">
        <button
          class="tw-button tw-primary"
          type="button"
          disabled={!table || running || !trains}
          onClick={() => start(false)}
        >
          Train
        </button>
        <button
          class="tw-button"
          type="button"
          disabled={!running}
          onClick={() => attempt(() => transport.request("stop", {}))}
        >
          Stop
        </button>
        <button
          class="tw-button"
          type="button"
          disabled={!stats || running || stage !== "trained"}
          onClick={() => start(true)}
        >
          Resume
        </button>
        {stats && <Progress stats={stats} />}
      </div>
      <ErrorLine message={error || failed} />
      {stats && <Metrics stats={stats} />}
      {!running && <Gains gains={gains} columns={columns} />}
      {live && spec !== null && (
        <Chart
          spec={spec}
          dataset="losses"
          rows={live.points}
          revision={live.revision}
          height={230}
          label="Loss curve"
        />
      )}
      {live && <Examples texts={live.examples} />}
      {!stats && <p class="tw-empty">{hint}</p>}
    </Card>
  );
}

function Progress({ stats }: { stats: RunStats }) {
  const total = stats.budget ?? stats.seconds + (stats.seconds_left ?? 0);
  const done = stats.status === "running" ? Math.min(1, stats.seconds / (total || 1)) : 1;
  const left = stats.seconds_left ?? Math.max(0, total - stats.seconds);
  const text =
    stats.status === "running" ? `${seconds(left)} left` : `took ${seconds(stats.seconds)}`;
  return (
    <div class="tw-progress">
      <progress max={1} value={done} aria-label="Training progress" />
      <span class="tw-label">{text}</span>
    </div>
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
