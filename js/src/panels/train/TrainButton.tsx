// Start or stop a fit, with how far it is: in the Train panel and in the bar of the workbench.
import type { RunStats } from "../../core/protocol";
import { type Store, useAlive, useLive, useSlice } from "../../core/store";
import { seconds } from "../../ui/format";

export function useTraining(store: Store) {
  const alive = useAlive(store);
  const live = useLive(store);
  const { table } = useSlice(store, "data");
  const { trains = true } = useSlice(store, "train");
  const stats = live?.stats ?? null;
  return {
    stats,
    running: stats?.status === "running" && alive,
    possible: Boolean(table) && trains,
  };
}

export function TrainButton(props: {
  store: Store;
  attempt: (action: () => Promise<unknown>) => void;
  /** After a fit was started. */
  onStart?: () => void;
}) {
  const { store, attempt } = props;
  const { running, possible } = useTraining(store);
  const { transport } = store;
  return (
    <>
      <button
        class="tw-button tw-primary"
        type="button"
        disabled={!possible || running}
        onClick={() =>
          attempt(async () => {
            await transport.request("start", { resume: false });
            props.onStart?.();
          })
        }
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
    </>
  );
}

export function Progress({ stats }: { stats: RunStats }) {
  const total = stats.budget ?? stats.seconds + (stats.seconds_left ?? 0);
  const running = stats.status === "running";
  const done = running ? Math.min(1, stats.seconds / (total || 1)) : 1;
  const left = stats.phase_seconds_left ?? stats.seconds_left ?? Math.max(0, total - stats.seconds);
  const phase = stats.phase ? `${stats.phase}, ` : "";
  const text = running ? `${phase}${seconds(left)} left` : `took ${seconds(stats.seconds)}`;
  return (
    <div class="tw-progress">
      <progress max={1} value={done} aria-label="Training progress" />
      <span class="tw-label">{text}</span>
    </div>
  );
}
