// Evidence on a number: a slider over its predicted distribution, a typed value, or a range.
import { useState } from "preact/hooks";
import { endsOf, isRange, lineOf, range, resting, single } from "../../inference/ranges";
import { Histogram, Spark } from "../../ui/bars";
import type { ControlProps } from "./Control";

export function NumberControl({ column, evidence, records, onSet }: ControlProps) {
  const line = lineOf(column);
  const [wide, setWide] = useState(isRange(evidence));
  const ranged = evidence ? isRange(evidence) : wide;
  const ends = endsOf(evidence, line);
  const rest = resting(records, line);
  const [low, high] = ends ?? (ranged ? [line.low, line.high] : [rest, rest]);
  const part = (value: number) => `${((value - line.low) / (line.high - line.low || 1)) * 100}%`;

  const toggle = () => {
    const next = !ranged;
    setWide(next);
    if (!ends) return;
    const span = (line.high - line.low) / 10;
    if (next) {
      onSet(range(Math.max(line.low, low - span), Math.min(line.high, high + span), line));
    } else onSet(single(low + (high - low) / 2, line));
  };

  return (
    <div class="tw-number">
      <div class="tw-track" style={{ "--tw-from": part(low), "--tw-to": part(high) }}>
        {records && !evidence ? (
          <Spark
            records={records}
            low={line.low}
            high={line.high}
            label={`predicted distribution of ${column.name}`}
          />
        ) : (
          <Histogram column={column} />
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
            onInput={(value) => onSet(single(value, line))}
          />
        )}
      </div>
      <div class="tw-typed">
        {ranged ? (
          <>
            <Typed
              label={`${column.name} lowest`}
              line={line}
              value={ends ? low : null}
              onChange={(value) => onSet(range(value, high, line))}
            />
            <Typed
              label={`${column.name} highest`}
              line={line}
              value={ends ? high : null}
              onChange={(value) => onSet(range(low, value, line))}
            />
          </>
        ) : (
          <Typed
            label={`${column.name} value`}
            line={line}
            value={ends ? low : null}
            onChange={(value) => onSet(single(value, line))}
          />
        )}
        <button
          class={ranged ? "tw-toggle tw-on" : "tw-toggle"}
          type="button"
          aria-label={`Range of ${column.name}`}
          aria-pressed={ranged}
          title="A range instead of one value"
          onClick={toggle}
        >
          range
        </button>
      </div>
    </div>
  );
}

type Line = ReturnType<typeof lineOf>;

function Slider(props: {
  label: string;
  line: Line;
  value: number;
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
      onInput={(event) => props.onInput(event.currentTarget.valueAsNumber)}
    />
  );
}

function Typed(props: {
  label: string;
  line: Line;
  value: number | null;
  onChange: (value: number) => void;
}) {
  if (props.line.date) {
    const day = props.value === null ? "" : new Date(props.value * 1000).toISOString().slice(0, 10);
    return (
      <input
        type="date"
        class="tw-input tw-value"
        aria-label={props.label}
        value={day}
        onChange={(event) => {
          const at = Date.parse(`${event.currentTarget.value}T00:00:00Z`);
          if (Number.isFinite(at)) props.onChange(at / 1000);
        }}
      />
    );
  }
  return (
    <input
      type="number"
      class="tw-input tw-value"
      aria-label={props.label}
      step="any"
      placeholder="any"
      value={props.value === null ? "" : Number(props.value.toPrecision(7))}
      onChange={(event) => {
        const value = event.currentTarget.valueAsNumber;
        if (Number.isFinite(value)) props.onChange(value);
      }}
    />
  );
}
