// The grid: only the rows and columns on screen are drawn, and the keyboard moves through all.
// biome-ignore-all lint/a11y/useSemanticElements: rows that are placed by hand are no table
import { useCallback, useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import type { ColumnSummary } from "../../core/table";
import { colorOf } from "../../ui/colors";
import { useVirtual } from "../../ui/virtual";
import { GridHeader } from "./GridHeader";
import { type DrawnCell, GridRow } from "./GridRow";
import { moved, type Place, types } from "./keys";
import type { Layers } from "./layers";
import { HEADER, MAX_ROWS, numberWidth, ROW, widthOf } from "./layout";
import type { Pages } from "./pages";
import type { RowsColumn, RowsSettings, RowsView, SelectedRow } from "./types";
import { wordsOf } from "./words";

export interface GridProps {
  columns: readonly RowsColumn[];
  summaries: ReadonlyMap<string, ColumnSummary>;
  /** Rows of the table. */
  rows: number;
  view: RowsView;
  selected: SelectedRow | null;
  /** Name of the column that is asked. */
  asked: string | null;
  pages: Pages;
  layers: Layers;
  /** A cell to scroll to; another object for each time. */
  goal: Place | null;
  onSort: (settings: Partial<RowsSettings>) => void;
  onSelect: (position: number | null) => void;
  onEdit: (position: number, column: string, text: string) => void;
  onActive: (place: Place | null) => void;
}

export function Grid(props: GridProps) {
  const { columns, view, selected, pages, layers } = props;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const element = () => scroller.current;
  const [active, setActive] = useState<Place | null>(null);
  const [editing, setEditing] = useState<string | null>(null);

  const names = columns.map((column) => column.name);
  const layout = columns.map((column) => `${column.name} ${column.letters}`).join("\n");
  const widths = useMemo(() => columns.map(widthOf), [layout]);
  const size = useCallback((index: number) => widths[index] ?? 0, [widths]);
  const first = numberWidth(props.rows);
  const count = Math.min(view.total, MAX_ROWS);
  const rows = useVirtual({ count, size: ROW, element, overscan: 6, covered: { end: HEADER } });
  const across = useVirtual({
    count: columns.length,
    size,
    element,
    horizontal: true,
    overscan: 1,
    covered: { end: first },
  });
  const width = first + across.total;

  const [top, bottom] = [rows.items[0]?.index, rows.items.at(-1)?.index];
  const [left, right] = [across.items[0]?.index, across.items.at(-1)?.index];
  useEffect(() => {
    if (top === undefined || bottom === undefined) return;
    if (left === undefined || right === undefined) return;
    pages.look({ rows: [top, bottom], columns: [left, right] });
  }, [top, bottom, left, right, pages]);

  // What is laid over the cells, for those on screen.
  const loaded = rows.items.map((item) => pages.position(item.index)).join();
  useEffect(() => {
    layers.look(
      rows.items.flatMap((item) => {
        const position = pages.position(item.index);
        if (position === undefined) return [];
        const missing = across.items.flatMap(({ index }) => {
          const column = columns[index];
          return column?.target && pages.cell(item.index, index) === null ? [column.name] : [];
        });
        return [{ position, missing }];
      }),
    );
  }, [loaded, left, right, view.version, layers]);

  const show = (place: Place) => {
    rows.scrollTo(place.row);
    across.scrollTo(place.column);
  };
  const activate = (place: Place | null) => {
    setActive(place);
    props.onActive(place);
  };
  useEffect(() => {
    if (!props.goal) return;
    activate(props.goal);
    rows.scrollTo(props.goal.row, "center");
    across.scrollTo(props.goal.column);
  }, [props.goal]);

  const focus = () => scroller.current?.focus({ preventScroll: true });
  const select = (row: number) => {
    const position = pages.position(row);
    if (position !== undefined) props.onSelect(position);
  };
  const beginEdit = (place: Place, text?: string) => {
    const column = columns[place.column];
    if (!column?.used || pages.position(place.row) === undefined) return;
    activate(place);
    const edit = selected?.index === place.row ? selected.edits[column.name] : undefined;
    setEditing(text ?? edit ?? pages.cell(place.row, place.column) ?? "");
  };
  const commit = (text: string) => {
    setEditing(null);
    focus();
    const position = active && pages.position(active.row);
    const column = active && columns[active.column];
    if (typeof position === "number" && column) props.onEdit(position, column.name, text);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== scroller.current) return;
    const from = active ?? { row: top ?? 0, column: left ?? 0 };
    const page = Math.max(
      1,
      Math.floor(((scroller.current?.clientHeight ?? 0) - HEADER) / ROW) - 1,
    );
    const to = moved(event.key, event.ctrlKey || event.metaKey, from, {
      rows: count,
      columns: columns.length,
      page,
    });
    if (to) {
      activate(active ? to : from);
      show(active ? to : from);
    } else if (event.key === "Enter") select(from.row);
    else if (event.key === "F2") beginEdit(from);
    else if (event.key === "Escape") {
      // A second Escape is JupyterLab's: it gives the focus back to the cell.
      if (!selected) return;
      props.onSelect(null);
    } else if (types(event)) beginEdit(from, event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onClick = ({ target }: MouseEvent) => {
    const place = placeOf(target);
    if (!place) return;
    activate({ row: place.row, column: place.column ?? active?.column ?? 0 });
    focus();
    select(place.row);
  };
  // Only of the cell under the pointer: titles of all would be written at each step of scrolling.
  const onMouseOver = ({ target }: MouseEvent) => {
    const place = placeOf(target);
    if (!(target instanceof HTMLElement) || place?.column === undefined) return;
    target.title = wordsOf({ row: place.row, column: place.column }, props);
  };
  const onDblClick = ({ target }: MouseEvent) => {
    const { row, column } = placeOf(target) ?? {};
    if (row !== undefined && column !== undefined) beginEdit({ row, column });
  };

  // While scrolling, rows that leave give their elements to those that come, each in its place: new
  // elements and moved ones cost many times as much as other texts.
  const slots = useRef(0);
  slots.current = Math.max(slots.current, rows.items.length);
  const slot = (index: number) => index % slots.current;
  const placed = rows.scrolling
    ? [...rows.items].sort((a, b) => slot(a.index) - slot(b.index))
    : rows.items;

  const drawn = across.items.flatMap((item) => {
    const column = columns[item.index];
    return column ? [{ column, item, hue: colorOf(column.name, names) }] : [];
  });
  const onScreen =
    active &&
    rows.items.some((item) => item.index === active.row) &&
    across.items.some((item) => item.index === active.column);
  return (
    <div
      ref={scroller}
      role="grid"
      class="tw-rows-grid"
      aria-label="Rows"
      aria-rowcount={view.total + 1}
      aria-colcount={columns.length}
      aria-activedescendant={onScreen ? `${id}-${active.row}-${active.column}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onDblClick={onDblClick}
      onMouseOver={onMouseOver}
      onFocus={() => {}}
    >
      <GridHeader
        columns={drawn}
        summaries={props.summaries}
        view={view}
        width={width}
        numberWidth={first}
        asked={props.asked}
        onSort={props.onSort}
      />
      <div
        role="rowgroup"
        class="tw-rows-body"
        style={{ height: `${rows.total}px`, width: `${width}px` }}
      >
        {/* One sticky element for all numbers: each of their own would be a layer of the page. */}
        <div
          class="tw-rows-gutter"
          style={{ width: `${first}px`, height: `${rows.total}px` }}
          aria-hidden="true"
        >
          {placed.map((item) => {
            const position = pages.position(item.index);
            const on = position !== undefined && selected?.positions.includes(position);
            return (
              <div
                key={slot(item.index)}
                class={on ? "tw-rows-number tw-on" : "tw-rows-number"}
                data-row={item.index}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {position ?? ""}
              </div>
            );
          })}
        </div>
        {placed.map((item) => {
          const position = pages.position(item.index);
          const edits = position === selected?.position ? selected?.edits : undefined;
          const cells = drawn.map(({ column, item: place, hue }): DrawnCell => {
            const text = pages.cell(item.index, place.index);
            const known = position !== undefined;
            const edit = edits?.[column.name];
            return {
              column,
              index: place.index,
              item: place,
              hue,
              text,
              predicted:
                text === null && known ? layers.predicted(position, column.name) : undefined,
              bits: known && edit === undefined ? layers.bits(position, column.name) : undefined,
              edit,
            };
          });
          const here = active?.row === item.index ? active.column : null;
          return (
            <GridRow
              key={slot(item.index)}
              id={id}
              index={item.index}
              top={item.start}
              width={width}
              numberWidth={first}
              position={position}
              selected={position !== undefined && !!selected?.positions.includes(position)}
              cells={cells}
              active={here}
              editing={here === null ? null : editing}
              onCommit={commit}
              onCancel={() => {
                setEditing(null);
                focus();
              }}
            />
          );
        })}
      </div>
    </div>
  );
}

/** The row, and in it the column, of a cell or a row number. */
function placeOf(target: EventTarget | null): { row: number; column?: number } | null {
  if (!(target instanceof Element)) return null;
  const number = target.closest("[data-row]")?.getAttribute("data-row");
  if (number) return { row: Number(number) };
  const cell = target.closest('[role="gridcell"]');
  const row = cell?.closest('[role="row"]')?.getAttribute("aria-rowindex");
  if (!row) return null;
  return { row: Number(row) - 2, column: Number(cell?.getAttribute("aria-colindex")) - 1 };
}
