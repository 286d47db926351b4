// Evidence on one column: its name, a control for its kind, and a button that clears it.

import type { ColumnSummary } from "../../core/table";
import type { DistributionRecord, Evidence } from "../../inference/types";
import { colorOf } from "../../ui/colors";
import { Name } from "../../ui/parts";
import { LevelsControl } from "./LevelsControl";
import { NumberControl } from "./NumberControl";
import { TextControl } from "./TextControl";

export interface ControlProps {
  column: ColumnSummary;
  evidence: Evidence | null;
  /** The column's predicted distribution; shown while it has no evidence. */
  records: readonly DistributionRecord[] | null;
  onSet: (evidence: Evidence | null) => void;
}

export function Control(props: ControlProps & { names: readonly string[] }) {
  const { column, evidence, names, onSet } = props;
  const line = column.kind === "numeric" || column.kind === "datetime";
  const Kind = line ? NumberControl : column.kind === "text" ? TextControl : LevelsControl;
  return (
    <li
      class={evidence ? "tw-control tw-set" : "tw-control"}
      style={{ "--tw-hue": colorOf(column.name, names) }}
    >
      <span class="tw-control-name">
        <Name text={column.name} />
      </span>
      <Kind {...props} />
      <button
        class="tw-clear"
        type="button"
        aria-label={`Clear ${column.name}`}
        title="Clear"
        disabled={!evidence}
        onClick={() => onSet(null)}
      >
        ×
      </button>
    </li>
  );
}
