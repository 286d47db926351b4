// Which pretrained model, tuned how, held in how few bits.

import type { Choices } from "../../core/protocol";
import { EnteredText, Field, Select } from "../../ui/parts";

const RANKS = [
  { value: "", text: "all its weights" },
  ...[4, 8, 16, 32, 64].map((rank) => ({ value: String(rank), text: `LoRA, rank ${rank}` })),
];
const BITS = [
  { value: "", text: "full precision" },
  ...[8, 4, 3, 2].map((bits) => ({ value: `${bits}bit`, text: `${bits} bits` })),
];

export type Pretrained = Pick<Choices, "model" | "rank" | "quantization">;

export function PretrainedFields(props: {
  chosen: Pretrained;
  /** The model taken if none is named. */
  standard: string;
  onChange: (change: Partial<Pretrained>) => void;
}) {
  const { chosen, standard, onChange } = props;
  return (
    <>
      <Field label="Base model">
        <EnteredText
          label="Base model"
          class="tw-grow"
          value={chosen.model}
          placeholder={standard}
          onChange={(text) => {
            if (text.trim() !== chosen.model) onChange({ model: text.trim() });
          }}
        />
      </Field>
      <Field label="Tune">
        <Select
          label="What is tuned"
          value={chosen.rank === null ? "" : String(chosen.rank)}
          options={RANKS}
          onChange={(rank) => onChange({ rank: rank ? Number(rank) : null })}
        />
      </Field>
      <Field label="Held in">
        <Select
          label="Bits a weight"
          value={chosen.quantization ?? ""}
          options={BITS}
          onChange={(bits) => onChange({ quantization: bits || null })}
        />
      </Field>
    </>
  );
}
