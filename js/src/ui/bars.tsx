// Small inline histograms: counts of a column, or its predicted distribution.
import type { ColumnSummary } from "../core/table";
import { toSeconds } from "../inference/ranges";
import type { DistributionRecord } from "../inference/types";

const HEIGHT = 100;

export interface Bar {
  left: number;
  width: number;
  height: number;
}

/** Whether a bar can be drawn: a path that holds no numbers is an error in the console. */
function drawable(bar: Bar): boolean {
  return [bar.left, bar.width, bar.height].every(Number.isFinite);
}

/** The bars as one path in a box of 1000 × 100, scaled down by `scale`. */
export function barPath(bars: readonly Bar[], scale = 1): string {
  let path = "";
  for (const bar of bars.filter(drawable)) {
    const numbers = [bar.left * 1000, Math.max(4, bar.width * 1000), HEIGHT * bar.height * scale];
    const [x, width, height] = numbers.map((value) => value.toFixed(1));
    path += `M${x},${HEIGHT}v-${height}h${width}V${HEIGHT}z`;
  }
  return path;
}

function Drawing({ bars, label, kind }: { bars: Bar[]; label: string; kind: string }) {
  return (
    <svg
      class={`tw-bars tw-bars-${kind}`}
      viewBox={`0 0 1000 ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path d={barPath(bars)} />
    </svg>
  );
}

/** The counts of a column. */
export function Histogram({ column }: { column: ColumnSummary }) {
  const bars = column.histogram;
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const gap = column.kind === "numeric" || column.kind === "datetime" ? 0.06 : 0.2;
  return (
    <Drawing
      kind="counts"
      label={`histogram of ${column.name}`}
      bars={bars.map((bar, i) => ({
        left: (i + gap / 2) / bars.length,
        width: (1 - gap) / bars.length,
        height: bar.count / most,
      }))}
    />
  );
}

/** Positions of the bars of a number's distribution within its range, 0 to 1. */
export function sparkBars(
  records: readonly DistributionRecord[],
  low: number,
  high: number,
): Bar[] {
  const span = high - low || 1;
  const place = (x: number) => Math.min(1, Math.max(0, (x - low) / span));
  const single = 1 / Math.max(8, records.length * 1.5);
  const shapes = records.map((record) => {
    if (record.low !== undefined && record.high !== undefined) {
      const left = place(record.low);
      const width = place(record.high) - left;
      const height =
        record.density ?? record.probability / Math.max(record.high - record.low, 1e-12);
      return { left, width: Math.max(width, 0.002), height };
    }
    // Of a date with few distinct values the record holds the date, as text.
    const { value } = record;
    const middle = place(typeof value === "string" ? toSeconds(value) : Number(value));
    const left = Math.min(1 - single, Math.max(0, middle - single / 2));
    return { left, width: single, height: record.probability };
  });
  const drawn = shapes.filter(drawable);
  const most = Math.max(1e-300, ...drawn.map((shape) => shape.height));
  return drawn.map((shape) => ({ ...shape, height: shape.height / most }));
}

/** The predicted distribution of a number. */
export function Spark({
  records,
  low,
  high,
  label,
}: {
  records: readonly DistributionRecord[];
  low: number;
  high: number;
  label: string;
}) {
  return <Drawing kind="spark" label={label} bars={sparkBars(records, low, high)} />;
}
