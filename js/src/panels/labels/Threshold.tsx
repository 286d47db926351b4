// A label's threshold: a slider over histograms of the rows with and without the label.

import { score } from "../../ui/format";
import type { LabelRow } from "./types";

// A bar of few rows must stay visible beside one of many.
const MIN_HEIGHT = 0.1;

/** Heights from 0 to 1; square roots, since most rows are in the outermost bins. */
export function heights(counts: readonly number[]): number[] {
  const most = Math.max(1, ...counts);
  return counts.map((count) => (count ? Math.max(MIN_HEIGHT, Math.sqrt(count / most)) : 0));
}

export function Threshold(props: { row: LabelRow; value: number; onSet: (value: number) => void }) {
  const { row, value, onSet } = props;
  return (
    <div class="tw-threshold">
      <div class="tw-threshold-line">
        <Bins row={row} value={value} />
        <input
          type="range"
          class="tw-slider"
          aria-label={`${row.label} threshold slider`}
          min={0}
          max={1}
          step={0.01}
          value={value}
          onInput={(event) => onSet(event.currentTarget.valueAsNumber)}
        />
      </div>
      <input
        type="number"
        class="tw-input tw-value"
        aria-label={`${row.label} threshold value`}
        min={0}
        max={1}
        step="any"
        value={score(value, 3)}
        onChange={(event) => {
          const typed = event.currentTarget.valueAsNumber;
          if (typed >= 0 && typed <= 1) onSet(typed);
          else event.currentTarget.value = score(value, 3);
        }}
      />
    </div>
  );
}

function Bins({ row, value }: { row: LabelRow; value: number }) {
  const bins = row.has.length;
  const side = (kind: "has" | "lacks") =>
    heights(row[kind]).map((height, i) => (
      <rect
        key={`${kind}${i}`}
        class={`tw-${kind} ${(i + 0.5) / bins >= value ? "tw-taken" : ""}`}
        x={i + 0.1}
        width={0.8}
        y={kind === "has" ? 1 - height : 1}
        height={height}
      />
    ));
  return (
    <svg
      class="tw-bins"
      viewBox={`0 0 ${bins} 2`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`rows with and without ${row.label}, by predicted probability`}
    >
      {side("has")}
      {side("lacks")}
    </svg>
  );
}
