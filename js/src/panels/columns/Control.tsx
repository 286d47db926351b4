// Evidence on one column: the control for its kind.
import type { ColumnSummary, Level } from "../../core/table";
import type { DistributionRecord, Evidence } from "../../inference/types";
import type { Use } from "../../inference/use";
import { LevelsControl } from "./LevelsControl";
import { NumberControl } from "./NumberControl";
import { TextControl } from "./TextControl";

export interface ControlProps {
  column: ColumnSummary;
  evidence: Evidence | null;
  /** The column's predicted distribution; shown while it has no evidence. */
  records: readonly DistributionRecord[] | null;
  use: Use;
  /** The column's value in the selected row. */
  observed: Level | null;
  /** The column's slider was the last one moved. */
  held: boolean;
  onSet: (evidence: Evidence | null) => void;
  /** The slider is taken in hand; it can have these values. */
  onHold: (positions: number[]) => void;
}

export function Control(props: ControlProps) {
  const { kind } = props.column;
  if (kind === "numeric" || kind === "datetime") return <NumberControl {...props} />;
  return kind === "text" ? <TextControl {...props} /> : <LevelsControl {...props} />;
}
