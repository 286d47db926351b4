// The columns: kind, role, share of missing values, histogram, and why one is ignored.

import type { ColumnSummary } from "../../core/table";
import { Histogram } from "../../ui/bars";
import { colorOf } from "../../ui/colors";
import { count, number, share } from "../../ui/format";
import { Badge, Name } from "../../ui/parts";

function facts(column: ColumnSummary): string {
  if (column.kind === "numeric") return `${number(column.low)} – ${number(column.high)}`;
  if (column.kind === "datetime") return `${day(column.low)} – ${day(column.high)}`;
  return `${count(column.n_unique)} ${column.kind === "text" ? "texts" : "levels"}`;
}

function day(seconds: number | null): string {
  return seconds === null ? "–" : new Date(seconds * 1000).toISOString().slice(0, 10);
}

export function ColumnList(props: {
  columns: readonly ColumnSummary[];
  /** The role of columns in the task. */
  roles: Readonly<Record<string, string>>;
}) {
  const names = props.columns.map((column) => column.name);
  return (
    <ul class="tw-columns" aria-label="Columns">
      {props.columns.map((column) => (
        <li
          key={column.name}
          class={column.role === "ignored" ? "tw-column tw-ignored" : "tw-column"}
          style={{ "--tw-hue": colorOf(column.name, names) }}
        >
          <span class="tw-column-name" title={column.dtype}>
            <Name text={column.name} />
            {props.roles[column.name] && <span class="tw-tag">{props.roles[column.name]}</span>}
          </span>
          <Badge kind={column.kind} />
          <span class="tw-facts">{facts(column)}</span>
          <span class="tw-facts tw-missing">
            {column.missing > 0 ? `${share(column.missing)} missing` : ""}
          </span>
          <Histogram column={column} />
          {column.note && <span class="tw-column-note">{column.note}</span>}
        </li>
      ))}
    </ul>
  );
}
