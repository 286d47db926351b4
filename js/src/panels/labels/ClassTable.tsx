// Metrics and threshold of each label, in a table that sorts by its headers.
import { useMemo, useState } from "preact/hooks";
import { count, score } from "../../ui/format";
import { Name } from "../../ui/parts";
import { Threshold } from "./Threshold";
import type { Thresholds } from "./thresholds";
import type { LabelReport, LabelRow } from "./types";

const HEADERS = {
  label: "Label",
  support: "Support",
  precision: "Precision",
  recall: "Recall",
  f1: "F1",
} as const;

type Header = keyof typeof HEADERS;

export interface Sorting {
  by: Header;
  down: boolean;
}

/** The labels in the order of a column. */
export function sorted(rows: readonly LabelRow[], { by, down }: Sorting): string[] {
  const ascending = (a: LabelRow, b: LabelRow) =>
    by === "label" ? a.label.localeCompare(b.label, "en", { numeric: true }) : a[by] - b[by];
  return [...rows]
    .sort((a, b) => (down ? ascending(b, a) : ascending(a, b)))
    .map((row) => row.label);
}

export function ClassTable(props: { report: LabelReport; thresholds: Thresholds }) {
  const { report, thresholds } = props;
  const [sorting, setSorting] = useState<Sorting>({ by: "support", down: true });
  const rows = new Map(report.classes.map((row) => [row.label, row]));
  // Dragging a threshold changes metrics, but must not move its row.
  const adjustable = report.classes.some((row) => row.has.length > 0);
  const order = useMemo(
    () => sorted(report.classes, sorting),
    [sorting, adjustable ? [...rows.keys()].join("\n") : report],
  );
  const sortBy = (by: Header) =>
    setSorting((last) => ({ by, down: last.by === by ? !last.down : by !== "label" }));
  return (
    <div class="tw-classes">
      <table class={report.multi ? "tw-table tw-multi" : "tw-table"} aria-label="Metrics by label">
        <thead>
          <tr>
            {(Object.keys(HEADERS) as Header[]).map((by) => (
              <th
                key={by}
                scope="col"
                aria-sort={sorting.by !== by ? "none" : sorting.down ? "descending" : "ascending"}
              >
                <button
                  type="button"
                  class="tw-sort"
                  aria-label={`Sort by ${HEADERS[by]}`}
                  onClick={() => sortBy(by)}
                >
                  {HEADERS[by]}
                </button>
              </th>
            ))}
            {report.multi && <th scope="col">Threshold</th>}
          </tr>
        </thead>
        <tbody>
          {order.flatMap((label) => {
            const row = rows.get(label);
            return row ? [<ClassRow key={label} row={row} thresholds={thresholds} />] : [];
          })}
        </tbody>
      </table>
    </div>
  );
}

function ClassRow({ row, thresholds }: { row: LabelRow; thresholds: Thresholds }) {
  const threshold = thresholds.of(row);
  return (
    <tr>
      <th scope="row" title={row.label}>
        <span>
          <Name text={row.label} />
        </span>
      </th>
      <td>{count(row.support)}</td>
      <td>{score(row.precision)}</td>
      <td>{score(row.recall)}</td>
      <td>
        <span class="tw-meter" style={{ "--tw-part": `${row.f1 * 100}%` }}>
          {score(row.f1)}
        </span>
      </td>
      {threshold !== null && (
        <td>
          {row.has.length > 0 ? (
            <Threshold
              row={row}
              value={threshold}
              onSet={(value) => thresholds.set(row.label, value)}
            />
          ) : (
            score(threshold, 3)
          )}
        </td>
      )}
    </tr>
  );
}
