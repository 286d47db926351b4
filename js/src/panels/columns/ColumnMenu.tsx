// More about a column: its facts, how it is used, its kind and role, and asking it as well.
import type { ColumnSummary } from "../../core/table";
import { type Use, usesOf } from "../../inference/use";
import { count, day, KINDS, number, share } from "../../ui/format";
import { Field, Segmented, Select } from "../../ui/parts";

const USES = [
  { value: "used", text: "used" },
  { value: "ignored", text: "left out" },
];

/** The column's values in a few words. */
export function facts(column: ColumnSummary): string {
  const parts = [`${count(column.n_unique)} ${column.kind === "text" ? "texts" : "values"}`];
  if (column.kind === "numeric" && column.low !== null) {
    parts.push(`${number(column.low)} to ${number(column.high)}`);
  }
  if (column.kind === "datetime" && column.low !== null) {
    parts.push(`${day(column.low)} to ${day(column.high)}`);
  }
  parts.push(column.missing > 0 ? `${share(column.missing)} missing` : "none missing");
  return `${parts.join(", ")}, stored as ${column.dtype}`;
}

export function ColumnMenu(props: {
  column: ColumnSummary;
  alerts: readonly string[];
  asks: boolean;
  asked: "" | "target" | "second";
  target: string | null;
  use: Use;
  onUse: (use: Use) => void;
  onSecond: (on: boolean) => void;
  onDeclare: (change: { kind?: string; role?: string }) => void;
}) {
  const { column, asks, asked, target } = props;
  const uses = usesOf(column.kind);
  return (
    <div class="tw-column-menu">
      <p class="tw-label">{facts(column)}</p>
      {props.alerts.map((alert) => (
        <p key={alert} class="tw-advice">
          {column.name} {alert}
        </p>
      ))}
      {asks && !asked && uses.length > 1 && (
        <Field label="Evidence">
          <Segmented
            label={`Evidence on ${column.name}`}
            options={uses}
            value={props.use}
            onChange={(next) => props.onUse(next as Use)}
          />
        </Field>
      )}
      <Field label="Kind">
        <Select
          label={`Kind of ${column.name}`}
          value={column.kind}
          options={Object.entries(KINDS).map(([value, text]) => ({ value, text }))}
          onChange={(kind) => props.onDeclare({ kind })}
        />
      </Field>
      <Field label="Role">
        <Select
          label={`Role of ${column.name}`}
          value={column.role === "ignored" ? "ignored" : "used"}
          options={USES}
          onChange={(role) => props.onDeclare({ role })}
        />
      </Field>
      {asks && column.role === "feature" && target && asked !== "target" && (
        <button
          class="tw-button tw-small"
          type="button"
          onClick={() => props.onSecond(asked !== "second")}
        >
          {asked === "second" ? `Ask for ${target} alone` : `Ask together with ${target}`}
        </button>
      )}
    </div>
  );
}
