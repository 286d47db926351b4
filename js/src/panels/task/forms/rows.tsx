// Settings of a language model of the rows: target, serializer and backend.
import { Field, Segmented, Select } from "../../../ui/parts";
import type { FormProps, TaskForm } from "../form";
import { type Pretrained, PretrainedFields } from "../PretrainedFields";

export interface RowSettings extends Pretrained {
  target: string | null;
  serializer: string;
  backend: string;
}

export interface RowOffers {
  serializers: string[];
  backends: Backend[];
}

export interface Backend {
  name: string;
  title: string;
  pretrained: boolean;
  /** It reads a row as text; the others read cells, and no serializer writes them. */
  text: boolean;
  /** The model used if none is named. */
  standard: string;
  /** Installs missing packages; empty if none are missing. */
  command: string;
}

function RowForm(props: FormProps<RowSettings, RowOffers>) {
  const { settings, offers, columns, onChange } = props;
  const backend = chosen(settings, offers);
  return (
    <div class="tw-fields">
      <Field label="Predict">
        <Select
          label="Target column"
          placeholder="choose a column…"
          value={settings.target ?? ""}
          options={columns
            .filter((column) => column.role === "feature")
            .map((column) => ({ value: column.name, text: column.name }))}
          onChange={(target) => onChange({ target })}
        />
      </Field>
      {props.task}
      {backend?.text && (
        <Field label="Serializer">
          <Segmented
            label="Serializer"
            options={offers.serializers}
            value={settings.serializer}
            onChange={(serializer) => onChange({ serializer })}
          />
        </Field>
      )}
      {props.seconds}
      <Field label="Backend">
        <Select
          label="Backend"
          value={settings.backend}
          options={offers.backends.map(({ name, title, command }) => ({
            value: name,
            text: command ? `${title} (${command})` : title,
            disabled: command !== "",
          }))}
          onChange={(backend) => onChange({ backend })}
        />
      </Field>
      {backend?.pretrained && (
        <PretrainedFields settings={settings} standard={backend.standard} onChange={onChange} />
      )}
    </div>
  );
}

function chosen(settings: RowSettings, offers: RowOffers): Backend | undefined {
  return offers.backends.find(({ name }) => name === settings.backend);
}

export default {
  kind: "rows",
  View: RowForm,
  previews: (settings: RowSettings, offers: RowOffers) => chosen(settings, offers)?.text ?? false,
} satisfies TaskForm;
