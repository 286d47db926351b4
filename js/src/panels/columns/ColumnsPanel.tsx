// The rail: every column with its data, what is predicted for it, and the evidence on it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { PanelProps } from "../../core/panel";
import { useAlive, usePython, useSlice } from "../../core/store";
import type { ColumnSummary } from "../../core/table";
import { useSelected } from "../../inference/observed";
import { useQuestion } from "../../inference/shared";
import { Card, ErrorLine, Select, useErrors } from "../../ui/parts";
import { useVirtual } from "../../ui/virtual";
import { ColumnRow } from "./ColumnRow";
import { useInfluence } from "./influence";

const SORTS = [
  { value: "table", text: "in table order" },
  { value: "name", text: "by name" },
  { value: "influence", text: "by influence" },
] as const;

type Sort = (typeof SORTS)[number]["value"];

const NONE: readonly string[] = [];

/** Pixels, before a row is measured. */
const ROW = 74;

/** The columns whose names match, in order. */
export function listed(
  columns: readonly ColumnSummary[],
  search: string,
  sort: Sort,
  bits: Readonly<Record<string, number>>,
): ColumnSummary[] {
  const wanted = search.trim().toLowerCase();
  const found = columns.filter((column) => column.name.toLowerCase().includes(wanted));
  if (sort === "name") return found.sort((a, b) => a.name.localeCompare(b.name));
  if (sort === "table") return found;
  return found.sort((a, b) => (bits[b.name] ?? -1) - (bits[a.name] ?? -1));
}

export function ColumnsPanel({ store, framed = false }: PanelProps) {
  const alive = useAlive(store);
  const python = usePython(store);
  const { table } = useSlice(store, "data");
  const { roles = {}, panel } = useSlice(store, "task");
  const { ready } = useSlice(store, "train");
  const { alerts = {} } = useSlice(store, "columns");
  const question = useQuestion(store);
  const selected = useSelected(store);
  const [search, setSearch] = useState("");
  const [sort, setSort] = useState<Sort>("table");
  const [open, setOpen] = useState<string | null>(null);
  const [error, attempt] = useErrors();
  const scroller = useRef<HTMLUListElement>(null);

  const all = table?.columns ?? [];
  const asks = panel === "query" && Boolean(ready);
  const { target, second, given, survey, curve } = question;
  const bits = useInfluence(store, question, asks && alive && sort === "influence");
  const columns = useMemo(() => listed([...all], search, sort, bits), [all, search, sort, bits]);
  const names = useMemo(() => all.map((column) => column.name), [all]);
  const list = useVirtual({
    count: columns.length,
    size: ROW,
    element: () => scroller.current,
    itemKey: (index) => columns[index]?.name ?? index,
  });
  const visible = list.items.flatMap(({ index }) => columns[index]?.name ?? []);
  const wanted = visible.filter((name) => all.find((one) => one.name === name)?.role === "feature");
  useEffect(() => {
    if (asks) question.look(wanted);
  }, [asks, wanted.join("\n")]);

  const set = Object.keys(given).length;
  const most = Math.max(0, ...Object.values(bits));
  return (
    <Card title="Columns" area="columns" python={python} bare={framed}>
      <div class="tw-row tw-rail-head">
        <input
          class="tw-input tw-grow"
          type="search"
          aria-label="Search columns"
          placeholder={`search ${all.length} columns`}
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <Select
          label="Sort columns"
          value={sort}
          options={SORTS}
          onChange={(next) => setSort(next as Sort)}
        />
      </div>
      {asks && (
        <div class="tw-row tw-spread tw-given-head">
          <span class="tw-label" role="status">
            {set ? `evidence on ${set} of ${Math.max(0, all.length - 1)} columns` : "no evidence"}
            {sort === "influence" && ", bits about the target"}
          </span>
          <button
            class="tw-button tw-small"
            type="button"
            disabled={!set}
            onClick={() => question.clear()}
          >
            Clear all
          </button>
        </div>
      )}
      <ErrorLine message={error} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keys */}
      <ul ref={scroller} class="tw-columns" aria-label="Columns" tabIndex={0}>
        <li class="tw-spacer" style={{ height: `${list.total}px` }} aria-hidden="true" />
        {list.items.map(({ index, start }) => {
          const column = columns[index];
          if (!column) return null;
          const { name } = column;
          return (
            <ColumnRow
              key={name}
              index={index}
              total={columns.length}
              start={start}
              measure={list.measure}
              column={column}
              alerts={alerts[name] ?? NONE}
              names={names}
              role={roles[name] ?? ""}
              asks={asks}
              asked={!asks ? "" : name === target ? "target" : name === second ? "second" : ""}
              target={target}
              evidence={given[name] ?? null}
              records={given[name] ? null : (survey[name] ?? null)}
              bits={sort === "influence" ? (bits[name] ?? null) : null}
              most={most}
              observed={selected?.values[name] ?? null}
              held={curve?.column === name}
              open={open === name}
              onOpen={() => setOpen((now) => (now === name ? null : name))}
              onAsk={() => question.setTarget(name)}
              onSecond={(on) => question.setSecond(on ? name : null)}
              onSet={(evidence) => question.set(name, evidence)}
              onHold={(positions) => question.hold(name, positions)}
              onDeclare={(change) =>
                attempt(() => store.transport.request("declare", { column: name, ...change }))
              }
            />
          );
        })}
      </ul>
    </Card>
  );
}
