// Which engine learns the rows, and of a pretrained one which model and how it is tuned.
import { Field, Select } from "../shared/parts";
import type { Choices, Engine } from "../shared/protocol";
import { PretrainedFields } from "./PretrainedFields";

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
        <PretrainedFields chosen={choices} standard={chosen.standard} onChange={onChange} />
      )}
    </>
  );
}
