// A typed number or day: Enter or leaving the box takes it, emptying the box clears the evidence.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { ColumnSummary } from "../../core/table";
import type { Line } from "../../inference/ranges";
import { day } from "../../ui/format";
import { onEnter } from "../../ui/parts";

/** Seconds. */
const DAY = 86_400;

/** A number as the box shows it. */
export function shown(value: number | null, line: Line): string {
  if (value === null) return "";
  if (line.date) return day(value);
  return String(Number(value.toPrecision(7)));
}

/** The number of a text, null for none; throws an error in words for what cannot be. */
export function read(text: string, column: ColumnSummary, line: Line): number | null {
  const typed = text.trim();
  if (!typed) return null;
  const value = line.date ? Date.parse(`${typed}T00:00:00Z`) / 1000 : number(typed);
  if (!Number.isFinite(value)) {
    const wanted = line.date ? "a day such as 2024-05-31" : "a number";
    throw new Error(`“${typed}” is not ${wanted}.`);
  }
  if (column.integer && !line.date && !Number.isInteger(value)) {
    throw new Error(`${column.name} has whole numbers only: ${typed} is none.`);
  }
  const [low, high] = [column.low ?? value, column.high ?? value];
  // A day is read as its midnight; the first value may be of a later hour. Numbers may be as far
  // out as the slider goes, whose ends are round.
  const first = line.date ? Math.floor(low / DAY) * DAY : Math.min(low, line.low);
  if (value < first || value > Math.max(high, line.high)) {
    const ends = [low, high].map((end) => shown(end, line));
    throw new Error(`The table's values run from ${ends[0]} to ${ends[1]}: ${typed} is outside.`);
  }
  return value;
}

/** Reads “1,234.5” and “1234,5” too. */
function number(text: string): number {
  const plain = text.replace(/[\s_]/g, "").replace(/−/g, "-");
  if (!plain) return Number.NaN;
  const grouped = /^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(plain);
  return Number(grouped ? plain.replace(/,/g, "") : plain.replace(/^(-?\d+),(\d+)$/, "$1.$2"));
}

const KINDS = {
  date: { type: "date" },
  number: { type: "text", inputMode: "decimal" },
} as const;

export function Typed(props: {
  label: string;
  column: ColumnSummary;
  line: Line;
  value: number | null;
  onChange: (value: number | null) => void;
}) {
  const { label, column, line, value } = props;
  /** What is being typed: an answer that arrives meanwhile must not replace it. */
  const [draft, setDraft] = useState<string | null>(null);
  /** Whether something is: known at once, while the draft is known once it is drawn. */
  const typing = useRef(false);
  const [error, setError] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => {
    if (draft === null) setError("");
  }, [value]);

  const take = () => {
    const text = input.current?.value ?? "";
    if (!typing.current) return;
    try {
      const next = read(text, column, line);
      typing.current = false;
      setError("");
      setDraft(null);
      if (next !== value) props.onChange(next);
    } catch (problem) {
      setError((problem as Error).message);
    }
  };
  const undo = () => {
    typing.current = false;
    setDraft(null);
    setError("");
  };
  return (
    <span class="tw-typed-box">
      <input
        ref={input}
        {...KINDS[line.date ? "date" : "number"]}
        autocomplete="off"
        class="tw-input tw-value"
        aria-label={label}
        aria-invalid={error !== ""}
        aria-describedby={error ? id : undefined}
        placeholder="any"
        value={draft ?? shown(value, line)}
        onInput={(event) => {
          typing.current = true;
          setDraft(event.currentTarget.value);
        }}
        onKeyDown={(event) => {
          onEnter(take)(event);
          if (event.key === "Escape" && draft !== null) {
            // The first Escape undoes what was typed; the next one is JupyterLab's.
            event.stopPropagation();
            undo();
          }
        }}
        onBlur={take}
      />
      {error && (
        <span id={id} role="alert" class="tw-typed-error">
          {error}
        </span>
      )}
    </span>
  );
}
