// Evidence on a number or date: a slider over the data and what is predicted, and a typed value.
import { useEffect } from "preact/hooks";
import {
  endsOf,
  fromLevel,
  type Line,
  lineOf,
  range,
  resting,
  single,
} from "../../inference/ranges";
import type { Evidence } from "../../inference/types";
import type { Use } from "../../inference/use";
import { Histogram, Spark } from "../../ui/bars";
import type { ControlProps } from "./Control";
import { Typed } from "./Typed";

// More positions than pixels of a slider would be asked in vain.
const MAX_POSITIONS = 260;

/** Every value that the slider can have. */
export function positionsOf(line: Line): number[] {
  const n = Math.round((line.high - line.low) / line.step) + 1;
  if (!(n > 1) || n > MAX_POSITIONS) return [];
  return Array.from({ length: n }, (_, i) => {
    const value = line.low + i * line.step;
    return Number(value.toPrecision(12));
  });
}

/** The evidence of one value. */
function exactly(value: number, use: Use, line: Line): Evidence {
  const { value: level } = single(value, line) as Extract<Evidence, { op: "is" }>;
  return use === "not" ? { op: "not in", values: [level] } : single(value, line);
}

export function NumberControl(props: ControlProps) {
  const { column, evidence, records, use, observed, onSet, onHold } = props;
  const line = lineOf(column);
  const ranged = use === "range";
  const ends = endsOf(evidence, line);
  const rest = resting(records, line);
  const [low, high] = ends ?? (ranged ? [line.low, line.high] : [rest, rest]);
  const part = (value: number) => `${((value - line.low) / (line.high - line.low || 1)) * 100}%`;
  const hold = () => {
    if (use === "is" && !line.date) onHold(positionsOf(line));
  };
  const slide = (value: number) => {
    hold();
    onSet(exactly(value, use, line));
  };
  // A curve whose column is set by typing or in Python has its marker too.
  useEffect(() => {
    if (evidence?.op === "is" && props.held) hold();
  }, [props.held]);
  const seen = observed === null ? null : fromLevel(observed, line);

  return (
    <div class="tw-number">
      <div class="tw-track" style={{ "--tw-from": part(low), "--tw-to": part(high) }}>
        <Histogram column={column} />
        {records && !evidence && (
          <Spark
            records={records}
            low={line.low}
            high={line.high}
            label={`predicted distribution of ${column.name}`}
          />
        )}
        {seen !== null && Number.isFinite(seen) && (
          <span class="tw-observed" style={{ "--tw-at": part(seen) }} title="in the selected row" />
        )}
        {ranged ? (
          <>
            <Slider
              label={`${column.name} from`}
              line={line}
              value={low}
              onInput={(value) => onSet(range(Math.min(value, high), high, line))}
            />
            <Slider
              label={`${column.name} to`}
              line={line}
              value={high}
              onInput={(value) => onSet(range(low, Math.max(value, low), line))}
            />
          </>
        ) : (
          <Slider
            label={`${column.name} slider`}
            line={line}
            value={low}
            onHold={hold}
            onInput={slide}
          />
        )}
      </div>
      <div class="tw-typed">
        {ranged ? (
          <>
            <Typed
              label={`${column.name} lowest`}
              column={column}
              line={line}
              value={ends ? low : null}
              onChange={(value) => onSet(value === null ? null : range(value, high, line))}
            />
            <Typed
              label={`${column.name} highest`}
              column={column}
              line={line}
              value={ends ? high : null}
              onChange={(value) => onSet(value === null ? null : range(low, value, line))}
            />
          </>
        ) : (
          <Typed
            label={`${column.name} value`}
            column={column}
            line={line}
            value={ends ? low : null}
            onChange={(value) => onSet(value === null ? null : exactly(value, use, line))}
          />
        )}
      </div>
    </div>
  );
}

function Slider(props: {
  label: string;
  line: Line;
  value: number;
  onHold?: () => void;
  onInput: (value: number) => void;
}) {
  return (
    <input
      type="range"
      class="tw-slider"
      aria-label={props.label}
      min={props.line.low}
      max={props.line.high}
      step={props.line.step}
      value={props.value}
      onPointerDown={props.onHold}
      onFocus={props.onHold}
      onInput={(event) => props.onInput(event.currentTarget.valueAsNumber)}
    />
  );
}
