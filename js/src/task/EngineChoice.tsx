// Which engine learns the rows, and of a pretrained one: which model, tuned how, in how few bits.
import { useState } from "preact/hooks";
import { Field, onEnter, Select } from "../shared/parts";
import type { Choices, Engine } from "../shared/protocol";

const RANKS = [
  { value: "", text: "all its weights" },
  ...[4, 8, 16, 32, 64].map((rank) => ({ value: String(rank), text: `LoRA, rank ${rank}` })),
];
const BITS = [
  { value: "", text: "full precision" },
  ...[8, 4, 3, 2].map((bits) => ({ value: `${bits}bit`, text: `${bits} bits` })),
];

export function EngineChoice(props: {
  choices: Choices;
  engines: readonly Engine[];
  onChange: (change: Partial<Choices>) => void;
}) {
  const { choices, engines, onChange } = props;
  const chosen = engines.find((engine) => engine.name === choices.backend);
  return (
    <>
      <Field label="Engine">
        <Select
          label="Engine"
          value={choices.backend}
          options={engines.map((engine) => ({
            value: engine.name,
            text: engine.command ? `${engine.title} (${engine.command})` : engine.title,
            disabled: engine.command !== "",
          }))}
          onChange={(backend) => onChange({ backend })}
        />
      </Field>
      {chosen?.pretrained && (
        <>
          <Field label="Base model">
            <BaseModel
              key={choices.model}
              model={choices.model}
              standard={chosen.standard}
              onChange={(model) => onChange({ model })}
            />
          </Field>
          <Field label="Tune">
            <Select
              label="What is tuned"
              value={choices.rank === null ? "" : String(choices.rank)}
              options={RANKS}
              onChange={(rank) => onChange({ rank: rank ? Number(rank) : null })}
            />
          </Field>
          <Field label="Held in">
            <Select
              label="Bits a weight"
              value={choices.quantization ?? ""}
              options={BITS}
              onChange={(bits) => onChange({ quantization: bits || null })}
            />
          </Field>
        </>
      )}
    </>
  );
}

/** Taken over on Enter or on leaving, not letter by letter: each is another model to look for. */
function BaseModel(props: { model: string; standard: string; onChange: (model: string) => void }) {
  const [text, setText] = useState(props.model);
  const take = () => {
    if (text.trim() !== props.model) props.onChange(text.trim());
  };
  return (
    <input
      class="tw-input tw-grow"
      aria-label="Base model"
      placeholder={props.standard}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onKeyDown={onEnter(take)}
      onBlur={take}
    />
  );
}
