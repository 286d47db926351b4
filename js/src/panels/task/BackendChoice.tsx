// Which backend learns the rows, and of a pretrained one which model and how it is tuned.

import type { Backend, Choices } from "../../core/protocol";
import { Field, Select } from "../../ui/parts";
import { PretrainedFields } from "./PretrainedFields";

export function BackendChoice(props: {
  choices: Choices;
  backends: readonly Backend[];
  onChange: (change: Partial<Choices>) => void;
}) {
  const { choices, backends, onChange } = props;
  const chosen = backends.find((backend) => backend.name === choices.backend);
  return (
    <>
      <Field label="Backend">
        <Select
          label="Backend"
          value={choices.backend}
          options={backends.map((backend) => ({
            value: backend.name,
            text: backend.command ? `${backend.title} (${backend.command})` : backend.title,
            disabled: backend.command !== "",
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
