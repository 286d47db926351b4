// The rows of the table: sort, search, make one the evidence, try another value in a cell.
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Store, useObject, useSlice } from "../../core/store";
import { Superseded } from "../../core/transport";
import { questionOf, useQuestionValue } from "../../inference/shared";
import type { Given } from "../../inference/types";
import { ErrorLine } from "../../ui/parts";
import { Grid } from "./Grid";
import type { Place } from "./keys";
import { Layers } from "./layers";
import { MAX_ROWS } from "./layout";
import { Pages } from "./pages";
import { StatusLine } from "./StatusLine";
import { Toolbar } from "./Toolbar";
import type { RowsSettings } from "./types";

export function RowsPanel({ store }: { store: Store }) {
  const {
    table,
    view,
    selected = null,
    model = 0,
    predicted = 0,
    surprise = null,
  } = useSlice(store, "rows");
  const { table: summary } = useSlice(store, "data");
  const question = questionOf(store);
  const target = useQuestionValue(store, (now) => now.target);
  const { transport } = store;
  const pages = useObject((changed) => new Pages(transport, changed));
  const layers = useObject((changed) => new Layers(transport, changed));
  const [asEvidence, setAsEvidence] = useState(true);
  const [showSurprise, setShowSurprise] = useState(false);
  const [active, setActive] = useState<Place | null>(null);
  const [goal, setGoal] = useState<Place | null>(null);
  const [rank, setRank] = useState(0);
  const [error, setError] = useState("");

  const columns = table?.columns ?? [];
  const names = columns.map((column) => column.name);
  const summaries = useMemo(
    () => new Map(summary?.columns.map((column) => [column.name, column])),
    [summary],
  );
  // Before drawing, so that no row of an old order is drawn at a place of the new one.
  if (view) pages.show(view.version, Math.min(view.total, MAX_ROWS), names);
  useEffect(() => layers.follow(model), [model, layers]);
  useEffect(() => layers.setSurprise(showSurprise), [showSurprise, layers]);
  useEffect(() => layers.progress(), [predicted, surprise?.pieces, surprise?.running, layers]);
  useEffect(() => () => layers.close(), [layers]);

  if (!table || !view) return <p class="tw-empty">Load a table, and its rows are here.</p>;

  const run = async (action: () => Promise<void>) => {
    setError("");
    try {
      await action();
    } catch (problem) {
      if (!(problem instanceof Superseded)) setError((problem as Error).message);
    }
  };
  const onView = (settings: Partial<RowsSettings>) =>
    run(async () => {
      await transport.request("view-rows", settings);
    });
  const become = (given: Given) => {
    if (asEvidence && model) question.setAll(given);
  };
  const onSelect = (position: number | null) =>
    run(async () => {
      const positions = position === null ? [] : [position];
      const { given } = await transport.request("select-rows", { positions });
      if (position !== null) become(given);
    });
  const onEdit = (position: number, column: string, value: string) =>
    run(async () => {
      const { given } = await transport.request("edit-cell", { position, column, value });
      become(given);
      if (column === question.target) {
        setError(`${column} is what is asked: its edited value is no evidence for itself`);
      }
    });
  const onNext = () =>
    run(async () => {
      const { found, next = 0 } = await transport.request("surprising-cell", { rank });
      setRank(found ? next : 0);
      if (!found) setError(rank ? "that was the last: the next is the first again" : "none yet");
      else setGoal({ row: found.index, column: names.indexOf(found.column) });
    });

  return (
    <section class="tw-rows" aria-label="Rows of the table">
      <Toolbar
        rows={table.rows}
        view={view}
        store={store}
        ready={model > 0}
        asEvidence={asEvidence}
        surprise={showSurprise}
        progress={surprise}
        onView={onView}
        onAsEvidence={setAsEvidence}
        onSurprise={setShowSurprise}
        onNext={onNext}
      />
      <ErrorLine message={error} />
      <Grid
        columns={columns}
        summaries={summaries}
        rows={table.rows}
        view={view}
        selected={selected}
        asked={target}
        pages={pages}
        layers={layers}
        goal={goal}
        onSort={onView}
        onSelect={onSelect}
        onEdit={onEdit}
        onActive={setActive}
      />
      <StatusLine
        place={active}
        columns={columns}
        pages={pages}
        layers={layers}
        selected={selected}
        total={view.total}
      />
    </section>
  );
}
