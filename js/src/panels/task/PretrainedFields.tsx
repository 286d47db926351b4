// Which pretrained model, how it is fine-tuned and quantized.
import { EnteredText, Field, Select } from "../../ui/parts";

const RANKS = [
  { value: "", text: "all weights" },
  ...[4, 8, 16, 32, 64].map((rank) => ({ value: String(rank), text: `LoRA, rank ${rank}` })),
];
const QUANTIZATIONS = [
  { value: "", text: "full precision" },
  ...[8, 4, 3, 2].map((bits) => ({ value: `${bits}bit`, text: `${bits} bits` })),
];

export type Pretrained = {
  /** Name or folder of the model; empty for the standard one. */
  model: string;
  /** Of the LoRA adapters; null if all weights are fine-tuned. */
  rank: number | null;
  /** Such as "4bit"; null for full precision. */
  quantization: string | null;
};

export function PretrainedFields(props: {
  settings: Pretrained;
  /** The model used if none is named. */
  standard: string;
  onChange: (change: Partial<Pretrained>) => void;
}) {
  const { settings, standard, onChange } = props;
  return (
    <>
      <Field label="Base model">
        <EnteredText
          label="Base model"
          class="tw-grow"
          value={settings.model}
          placeholder={standard}
          onChange={(text) => {
            if (text.trim() !== settings.model) onChange({ model: text.trim() });
          }}
        />
      </Field>
      <Field label="Fine-tune">
        <Select
          label="Fine-tune"
          value={settings.rank === null ? "" : String(settings.rank)}
          options={RANKS}
          onChange={(rank) => onChange({ rank: rank ? Number(rank) : null })}
        />
      </Field>
      <Field label="Quantization">
        <Select
          label="Quantization"
          value={settings.quantization ?? ""}
          options={QUANTIZATIONS}
          onChange={(bits) => onChange({ quantization: bits || null })}
        />
      </Field>
    </>
  );
}
