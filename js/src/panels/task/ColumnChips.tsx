// Chips to choose several columns; numbers show their order.
import { colorOf } from "../../ui/colors";
import { Name } from "../../ui/parts";

export function ColumnChips(props: {
  label: string;
  /** Comes before a column's name in the chip's aria-label. */
  kind: string;
  offered: readonly string[];
  chosen: readonly string[];
  /** All columns of the table: a column's position decides its color. */
  columns: readonly string[];
  empty: string;
  onToggle: (column: string) => void;
}) {
  const { label, kind, offered, chosen, columns, empty, onToggle } = props;
  if (!offered.length) return <span class="tw-label">{empty}</span>;
  return (
    <fieldset class="tw-chips tw-pick" aria-label={label}>
      {offered.map((column) => {
        const place = chosen.indexOf(column);
        return (
          <button
            key={column}
            type="button"
            class={place < 0 ? "tw-chip" : "tw-chip tw-on"}
            aria-pressed={place >= 0}
            aria-label={`${kind} ${column}`}
            style={{ "--tw-hue": colorOf(column, columns) }}
            onClick={() => onToggle(column)}
          >
            {place >= 0 && chosen.length > 1 && <small class="tw-place">{place + 1}</small>}
            <span>
              <Name text={column} />
            </span>
          </button>
        );
      })}
    </fieldset>
  );
}
