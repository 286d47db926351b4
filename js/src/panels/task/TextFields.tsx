// The task of texts: which columns are read, which hold the labels, and what parts them in a cell.

import type { Chosen, ColumnSummary, Labelling } from "../../core/protocol";
import { EnteredText, Field } from "../../ui/parts";
import { ColumnChips } from "./ColumnChips";

/** Whether a cell says yes or no: several such columns are a label each. */
function indicates(column: ColumnSummary | undefined): boolean {
  if (!column) return false;
  if (column.kind === "boolean") return true;
  if (column.levels.length) return column.levels.every((level) => [0, 1].includes(Number(level)));
  return column.integer && column.low === 0 && column.high === 1;
}

/** The columns without this one, or with it at the end. */
export function toggledColumn(chosen: readonly string[], column: string): string[] {
  return chosen.includes(column) ? chosen.filter((other) => other !== column) : [...chosen, column];
}

/** Columns of 0 and 1 add up; one with labels in its cells stands alone. */
export function toggledLabels(
  chosen: readonly string[],
  column: string,
  columns: readonly ColumnSummary[],
): string[] {
  const find = (name: string) => columns.find((one) => one.name === name);
  const together = [...chosen, column].every((name) => indicates(find(name)));
  return together || chosen.includes(column) ? toggledColumn(chosen, column) : [column];
}

export function TextFields(props: {
  labeling: Labelling;
  columns: readonly ColumnSummary[];
  onChange: (change: Chosen) => void;
}) {
  const { labeling, columns, onChange } = props;
  const { texts, labels, offers } = labeling;
  const names = columns.map((column) => column.name);
  return (
    <>
      <Field label="Read">
        <ColumnChips
          label="Columns read"
          verb="Read"
          offered={offers.texts}
          chosen={texts}
          columns={names}
          empty="no column of texts"
          onToggle={(column) => onChange({ texts: toggledColumn(texts, column) })}
        />
      </Field>
      <Field label="Labels">
        <ColumnChips
          label="Columns of labels"
          verb="Labels in"
          offered={offers.labels}
          chosen={labels}
          columns={names}
          empty="no column of labels"
          onToggle={(column) => onChange({ labels: toggledLabels(labels, column, columns) })}
        />
      </Field>
      {labels.length === 1 && (
        <Field label="Parted by">
          <EnteredText
            label="Labels parted by"
            class="tw-parted"
            value={labeling.delimiter}
            placeholder="one a cell"
            onChange={(delimiter) => onChange({ delimiter })}
          />
        </Field>
      )}
    </>
  );
}
