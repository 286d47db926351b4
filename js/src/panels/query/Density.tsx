// The distribution of a number: what is predicted in color over the matching rows in gray.

import type { Level } from "../../core/table";
import { fromLevel } from "../../inference/ranges";
import type { DistributionRecord, Matching } from "../../inference/types";
import { barPath, sparkBars } from "../../ui/bars";
import { colorOf } from "../../ui/colors";
import { dateTicks, type Tick, ticks } from "../../ui/ticks";

/** The range of the axis: that of the records. */
export function extent(records: readonly DistributionRecord[], date: boolean): [number, number] {
  const line = { low: 0, high: 1, step: 1, date };
  const ends = records.flatMap((record) => [
    record.low ?? fromLevel(record.value, line),
    record.high ?? fromLevel(record.value, line),
  ]);
  const finite = ends.filter(Number.isFinite);
  return finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
}

export function Axis({ marks, low, high }: { marks: Tick[]; low: number; high: number }) {
  const span = high - low || 1;
  return (
    <div class="tw-axis" aria-hidden="true">
      {marks.map(({ value, text }) => (
        <span key={text} style={{ left: `${(100 * (value - low)) / span}%` }}>
          {text}
        </span>
      ))}
    </div>
  );
}

export function Density(props: {
  target: string;
  names: readonly string[];
  date: boolean;
  records: readonly DistributionRecord[];
  matching: Matching | null;
  observed: Level | null;
}) {
  const { target, records, matching, date } = props;
  const [low, high] = extent(records, date);
  const numbers = records.map((record) =>
    record.low === undefined && date
      ? { ...record, value: fromLevel(record.value, { low, high, step: 1, date }) }
      : record,
  );
  const seen = (matching?.shares ?? []).flatMap((probability, i) => {
    const record = numbers[i];
    if (!record) return [];
    const width = (record.high ?? 0) - (record.low ?? 0);
    return [{ ...record, probability, density: width > 0 ? probability / width : probability }];
  });
  // One scale for both, so that they can be compared.
  const height = (bars: readonly DistributionRecord[]) =>
    Math.max(0, ...bars.map((bar) => bar.density ?? bar.probability));
  const [model, data] = [height(numbers), height(seen)];
  const top = Math.max(model, Math.min(data, 1.6 * model), 1e-300);
  const draw = (bars: readonly DistributionRecord[], most: number) =>
    barPath(sparkBars(bars, low, high), Math.min(1, most / top));
  const observed =
    props.observed === null ? null : fromLevel(props.observed, { low, high, step: 1, date });
  return (
    <div class="tw-density" style={{ "--tw-hue": colorOf(target, props.names) }}>
      <div class="tw-density-plot">
        <svg
          viewBox="0 0 1000 100"
          preserveAspectRatio="none"
          role="img"
          aria-label={`Distribution of ${target}`}
        >
          {data > 0 && <path class="tw-density-data" d={draw(seen, data)} />}
          <path class="tw-density-model" d={draw(numbers, model)} />
        </svg>
        {observed !== null && Number.isFinite(observed) && (
          <span
            class="tw-observed-line"
            style={{ left: `${(100 * (observed - low)) / (high - low || 1)}%` }}
          >
            <small>selected row</small>
          </span>
        )}
      </div>
      <Axis marks={date ? dateTicks(low, high) : ticks(low, high)} low={low} high={high} />
    </div>
  );
}
