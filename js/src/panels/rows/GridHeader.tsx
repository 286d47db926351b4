// The names of the columns, each with its histogram, sorted by a click.
// biome-ignore-all lint/a11y/useSemanticElements: rows that are placed by hand are no table
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus
import type { ColumnSummary } from "../../core/table";
import { Histogram } from "../../ui/bars";
import type { VirtualItem } from "../../ui/virtual";
import { HEADER } from "./layout";
import type { RowsColumn, RowsSettings } from "./types";

/** A click sorts up, then down, then not at all. */
export function nextSort(name: string, { sort, descending }: RowsSettings): Partial<RowsSettings> {
  if (sort !== name) return { sort: name, descending: false };
  return descending ? { sort: null, descending: false } : { sort: name, descending: true };
}

export function GridHeader(props: {
  columns: readonly { column: RowsColumn; item: VirtualItem; hue: string }[];
  summaries: ReadonlyMap<string, ColumnSummary>;
  view: RowsSettings;
  width: number;
  numberWidth: number;
  /** Name of the column that is asked. */
  asked: string | null;
  onSort: (settings: Partial<RowsSettings>) => void;
}) {
  const { view, numberWidth } = props;
  return (
    <div
      role="row"
      class="tw-rows-head"
      aria-rowindex={1}
      style={{ width: `${props.width}px`, height: `${HEADER}px` }}
    >
      <div class="tw-rows-number" style={{ width: `${numberWidth}px` }} aria-hidden="true">
        row
      </div>
      {props.columns.map(({ column, item, hue }) => {
        const sorted = view.sort === column.name && !view.by_surprise;
        const order = sorted ? (view.descending ? "descending" : "ascending") : "none";
        const summary = props.summaries.get(column.name);
        return (
          <div
            key={item.index}
            role="columnheader"
            class={column.number ? "tw-rows-column tw-rows-num" : "tw-rows-column"}
            aria-colindex={item.index + 1}
            aria-sort={order}
            style={{
              left: `${numberWidth + item.start}px`,
              width: `${item.size}px`,
              "--tw-hue": hue,
            }}
          >
            <button
              type="button"
              class={sorted ? "tw-rows-sort tw-on" : "tw-rows-sort"}
              title={`Sort by ${column.name}`}
              aria-label={`Sort by ${column.name}`}
              onClick={() => props.onSort(nextSort(column.name, view))}
            >
              <span class={column.name === props.asked ? "tw-rows-asked" : ""}>{column.name}</span>
              <i aria-hidden="true">{sorted ? (view.descending ? "↓" : "↑") : ""}</i>
            </button>
            <div class="tw-rows-bars">{summary && <Histogram column={summary} />}</div>
          </div>
        );
      })}
    </div>
  );
}
