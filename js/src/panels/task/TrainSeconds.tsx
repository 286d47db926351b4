// The time a fit may take.
import { type Store, useSlice } from "../../core/store";
import { Amount } from "../../ui/parts";
import type { TaskChange } from "./types";

export function TrainSeconds(props: { store: Store; onChange: (change: TaskChange) => void }) {
  const { max_seconds } = useSlice(props.store, "task");
  return (
    <Amount
      label="Seconds to train"
      unit="seconds"
      value={max_seconds ?? null}
      range={[1, 3600]}
      onChange={(seconds) => props.onChange({ max_seconds: seconds })}
    />
  );
}
