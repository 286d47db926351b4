// Settings of a text classifier: text columns, label columns and the pretrained model.
import type { ColumnSummary } from "../../../core/table";
import { Amount, EnteredText, Field } from "../../../ui/parts";
import { ColumnChips } from "../ColumnChips";
import type { FormProps, TaskForm } from "../form";
import { type Pretrained, PretrainedFields } from "../PretrainedFields";

export interface TextLabelSettings extends Pretrained {
  /** Text columns, in order. */
  texts: string[];
  /** One column that holds the labels, or an indicator column for each label. */
  labels: string[];
  /** Between the labels in a cell; empty if each cell holds one label. */
  delimiter: string;
  /** Tokens of a text, the rest is truncated. */
  max_length: number;
}

export interface TextLabelOffers {
  texts: string[];
  labels: string[];
  /** The model used if none is named. */
  standard: string;
  /** Installs missing packages; empty if none are missing. */
  command: string;
}

/** Whether a column holds only 0 and 1: several of them are a label each. */
function isIndicator(column: ColumnSummary | undefined): boolean {
  if (!column) return false;
  if (column.kind === "boolean") return true;
  if (column.levels.length) return column.levels.every((level) => [0, 1].includes(Number(level)));
  return column.integer && column.low === 0 && column.high === 1;
}

/** The columns without this one, or with it at the end. */
export function toggledColumn(chosen: readonly string[], column: string): string[] {
  return chosen.includes(column) ? chosen.filter((other) => other !== column) : [...chosen, column];
}

/** Indicator columns add up; a column with labels in its cells stands alone. */
export function toggledLabels(
  chosen: readonly string[],
  column: string,
  columns: readonly ColumnSummary[],
): string[] {
  const find = (name: string) => columns.find((one) => one.name === name);
  const together = [...chosen, column].every((name) => isIndicator(find(name)));
  return together || chosen.includes(column) ? toggledColumn(chosen, column) : [column];
}

function TextLabelForm(props: FormProps<TextLabelSettings, TextLabelOffers>) {
  const { settings, offers, columns, onChange } = props;
  const { texts, labels } = settings;
  const names = columns.map((column) => column.name);
  return (
    <>
      <div class="tw-fields tw-fields-text">
        {props.task}
        <Field label="Text">
          <ColumnChips
            label="Text columns"
            kind="Text column"
            offered={offers.texts}
            chosen={texts}
            columns={names}
            empty="no text column"
            onToggle={(column) => onChange({ texts: toggledColumn(texts, column) })}
          />
        </Field>
        <Field label="Labels">
          <ColumnChips
            label="Label columns"
            kind="Label column"
            offered={offers.labels}
            chosen={labels}
            columns={names}
            empty="no label column"
            onToggle={(column) => onChange({ labels: toggledLabels(labels, column, columns) })}
          />
        </Field>
        {labels.length === 1 && (
          <Field label="Split by">
            <EnteredText
              label="Labels split by"
              class="tw-split"
              value={settings.delimiter}
              placeholder="one per cell"
              onChange={(delimiter) => onChange({ delimiter })}
            />
          </Field>
        )}
        {props.seconds}
        <Field label="Max length">
          <Amount
            label="Maximum length"
            unit="tokens"
            value={settings.max_length}
            range={[8, 8192]}
            onChange={(max_length) => onChange({ max_length })}
          />
        </Field>
        <PretrainedFields settings={settings} standard={offers.standard} onChange={onChange} />
      </div>
      {offers.command && (
        <p class="tw-advice" role="note">
          Text labels need more packages: <code>{offers.command}</code>
        </p>
      )}
    </>
  );
}

export default {
  kind: "text-labels",
  View: TextLabelForm,
  previews: ({ texts }: TextLabelSettings) => texts.length > 0,
} satisfies TaskForm;
