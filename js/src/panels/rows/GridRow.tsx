// One row of the grid; drawn again only when something in it changes.
// biome-ignore-all lint/a11y/useSemanticElements: rows that are placed by hand are no table
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus
import { Component } from "preact";
import type { VirtualItem } from "../../ui/virtual";
import { CellEditor } from "./CellEditor";
import type { CellText, RowsColumn } from "./types";

export interface DrawnCell {
  column: RowsColumn;
  index: number;
  item: VirtualItem;
  hue: string;
  /** undefined while its page is under way; null if it is missing. */
  text: CellText | undefined;
  /** What the model predicts for a missing cell. */
  predicted: string | undefined;
  bits: number | undefined;
  /** The text that replaces it; null if it is missing now. */
  edit: string | null | undefined;
}

export interface GridRowProps {
  id: string;
  index: number;
  top: number;
  width: number;
  numberWidth: number;
  position: number | undefined;
  selected: boolean;
  cells: readonly DrawnCell[];
  /** Index of the column of the active cell, if it is in this row. */
  active: number | null;
  /** The text that the editor of the active cell starts with; null without an editor. */
  editing: string | null;
  onCommit: (text: string) => void;
  onCancel: () => void;
}

export class GridRow extends Component<GridRowProps> {
  override shouldComponentUpdate(next: GridRowProps): boolean {
    const now = this.props;
    if (now.cells.length !== next.cells.length) return true;
    for (const key of ["index", "position", "selected", "active", "editing", "width"] as const) {
      if (now[key] !== next[key]) return true;
    }
    return now.cells.some((cell, i) => {
      const other = next.cells[i];
      return (
        !other ||
        cell.index !== other.index ||
        cell.text !== other.text ||
        cell.predicted !== other.predicted ||
        cell.bits !== other.bits ||
        cell.edit !== other.edit ||
        cell.item.start !== other.item.start
      );
    });
  }

  override render(props: GridRowProps) {
    const { id, index, position, active, editing } = props;
    return (
      <div
        role="row"
        class={props.selected ? "tw-rows-row tw-on" : "tw-rows-row"}
        aria-rowindex={index + 2}
        aria-selected={props.selected}
        style={{ transform: `translateY(${props.top}px)`, width: `${props.width}px` }}
      >
        {props.cells.map((cell) => (
          <div
            key={cell.index}
            id={cell.index === active ? `${id}-${index}-${cell.index}` : undefined}
            role="gridcell"
            aria-colindex={cell.index + 1}
            class={classOf(cell, cell.index === active)}
            style={{
              left: `${props.numberWidth + cell.item.start}px`,
              width: `${cell.item.size}px`,
              ...((cell.text === null || cell.edit !== undefined) && { "--tw-hue": cell.hue }),
              ...(cell.bits !== undefined && { "--tw-shade": `${shade(cell.bits)}%` }),
            }}
          >
            {editing !== null && cell.index === active ? (
              <CellEditor
                label={`${cell.column.name} of row ${position}`}
                text={editing}
                onCommit={props.onCommit}
                onCancel={props.onCancel}
              />
            ) : (
              contentOf(cell)
            )}
          </div>
        ))}
      </div>
    );
  }
}

/** Share of the color in percent: none up to a bit more than expected, all from eight bits. */
export function shade(bits: number): number {
  return Math.round(Math.min(1, Math.max(0, (bits - 1) / 7)) * 62);
}

/** From here on a cell is marked as surprising even without colors. */
const MARKED_BITS = 7;

function classOf(cell: DrawnCell, active: boolean): string {
  const { text, edit, bits } = cell;
  const names = ["tw-rows-cell"];
  if (cell.column.number) names.push("tw-rows-num");
  if (active) names.push("tw-rows-active");
  if (edit !== undefined) names.push("tw-rows-edited");
  else if (text === null) names.push("tw-rows-missing");
  if (bits !== undefined) names.push("tw-rows-bits");
  if (bits !== undefined && bits >= MARKED_BITS) names.push("tw-rows-marked");
  return names.join(" ");
}

function contentOf({ text, edit, predicted }: DrawnCell) {
  if (text === undefined) return <span class="tw-rows-wait" />;
  const shown = edit === undefined ? text : edit;
  if (shown !== null) return shown;
  return predicted === undefined ? "–" : `~ ${predicted}`;
}
