// The answer over the whole range of the slider that was moved last.
import type { Curve } from "../../inference/curve";
import type { AnswerSummary, Evidence } from "../../inference/types";
import { colorOf, levelColor } from "../../ui/colors";
import { level as levelText, number } from "../../ui/format";
import { ticks } from "../../ui/ticks";
import { Axis } from "./Density";

const LINES = 5;

/** Least distance between the names of two lines, as a share of the height. */
const GAP = 0.11;

interface Line {
  key: string;
  color: string;
  /** Heights at the positions, 0 to 1. */
  heights: number[];
}

export function path(heights: readonly number[]): string {
  const last = Math.max(1, heights.length - 1);
  return heights
    .map((height, i) => {
      const x = ((1000 * i) / last).toFixed(1);
      return `${i ? "L" : "M"}${x},${(100 * (1 - height)).toFixed(2)}`;
    })
    .join("");
}

/** Heights of names at which no two overlap, in the order given. */
export function spread(heights: readonly number[], gap = GAP): number[] {
  const order = heights.map((_, i) => i).sort((a, b) => (heights[a] ?? 0) - (heights[b] ?? 0));
  const placed = [...heights];
  let floor = 0;
  for (const i of order) {
    placed[i] = Math.max(placed[i] ?? 0, floor);
    floor = (placed[i] ?? 0) + gap;
  }
  let ceiling = 1;
  for (const i of [...order].reverse()) {
    placed[i] = Math.min(placed[i] ?? 0, ceiling);
    ceiling = (placed[i] ?? 0) - gap;
  }
  return placed;
}

export function CurveView(props: {
  curve: Curve;
  answer: AnswerSummary;
  evidence: Evidence | null;
  names: readonly string[];
}) {
  const { curve, answer, evidence, names } = props;
  const { positions, swept } = curve;
  const [low, high] = [positions[0] ?? 0, positions.at(-1) ?? 1];
  const { mean, low: from, high: to } = swept;
  const lines: Line[] = [];
  let band = "";
  let sides: { top: string; bottom: string } = { top: "100%", bottom: "0%" };
  if (mean && from && to) {
    const [least, greatest] = [Math.min(...from), Math.max(...to)];
    const at = (value: number) => (value - least) / (greatest - least || 1);
    const upper = path(to.map(at));
    const lower = path([...from].map(at))
      .replace(/[ML]/g, " ")
      .trim()
      .split(" ")
      .reverse();
    band = `${upper}L${lower.join("L")}Z`;
    lines.push({ key: "mean", color: colorOf(answer.target, names), heights: mean.map(at) });
    sides = { top: number(greatest), bottom: number(least) };
  } else {
    for (const j of curve.leading(LINES)) {
      const heights = positions.map((_position, i) => curve.probability(i, j));
      const key = levelText(swept.records[j]?.value ?? "");
      lines.push({ key, color: levelColor(j), heights });
    }
  }
  const value = evidence?.op === "is" ? Number(evidence.value) : null;
  const place = value === null ? null : (value - low) / (high - low || 1);
  const ends = spread(lines.map((line) => line.heights.at(-1) ?? 0));
  return (
    <figure class="tw-curve" style={{ "--tw-hue": colorOf(curve.column, names) }}>
      <figcaption class="tw-label">
        {mean ? "mean and 90% interval" : "probability"} over {curve.column}
      </figcaption>
      <div class="tw-curve-plot">
        <span class="tw-curve-side" aria-hidden="true">
          <span>{sides.top}</span>
          <span>{sides.bottom}</span>
        </span>
        <div class="tw-curve-area">
          <svg
            viewBox="0 0 1000 100"
            preserveAspectRatio="none"
            role="img"
            aria-label={`${answer.target} over the range of ${curve.column}`}
          >
            {band && <path class="tw-curve-band" d={band} style={{ fill: lines[0]?.color }} />}
            {lines.map((line) => (
              <path
                key={line.key}
                class="tw-curve-line"
                d={path(line.heights)}
                style={{ stroke: line.color }}
              />
            ))}
          </svg>
          {place !== null && place >= 0 && place <= 1 && (
            <span class="tw-curve-now" style={{ left: `${100 * place}%` }} />
          )}
        </div>
        {!mean && (
          <span class="tw-curve-names" aria-hidden="true">
            {lines.map((line, i) => (
              <span
                key={line.key}
                style={{ bottom: `${100 * (ends[i] ?? 0)}%`, color: line.color }}
              >
                {line.key}
              </span>
            ))}
          </span>
        )}
        <Axis marks={ticks(low, high)} low={low} high={high} />
      </div>
    </figure>
  );
}
