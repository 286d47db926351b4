// The question as an editable formula, the time of the answer, and the Python code.
import { useEffect, useRef, useState } from "preact/hooks";
import type { AnswerSummary } from "../../inference/types";
import { milliseconds } from "../../ui/format";
import { onEnter } from "../../ui/parts";
import { CopyPython } from "../../ui/python";

export function FormulaLine(props: {
  formula: string;
  answer: AnswerSummary | null;
  /** The same without a widget. */
  python: string;
  onAsk: (formula: string) => void;
}) {
  const [text, setText] = useState(props.formula);
  const input = useRef<HTMLInputElement>(null);
  const typing = useRef(false);
  useEffect(() => {
    // A refresh during training must not replace what is being typed.
    if (!typing.current || document.activeElement !== input.current) {
      typing.current = false;
      setText(props.formula);
    }
  }, [props.formula]);

  const ask = () => {
    typing.current = false;
    // The field, not the state: Enter may come before the last letter is drawn.
    props.onAsk(input.current?.value ?? text);
  };
  return (
    <div class="tw-formula">
      <div class="tw-row tw-nowrap">
        <input
          ref={input}
          class="tw-input tw-grow tw-code"
          aria-label="Formula"
          spellcheck={false}
          autocomplete="off"
          placeholder="species | bill_length_mm=39.1, island in {Dream, Biscoe}"
          value={text}
          onKeyDown={onEnter(ask)}
          onInput={(event) => {
            typing.current = true;
            setText(event.currentTarget.value);
          }}
        />
        <button class="tw-button" type="button" onClick={ask}>
          Ask
        </button>
      </div>
      {props.answer && (
        <div class="tw-row tw-spread">
          <span class="tw-label">
            computed in <span class="tw-time">{milliseconds(props.answer.seconds)}</span>
          </span>
          <CopyPython
            class="tw-button tw-small"
            label="Copy as Python"
            text="Copy as Python"
            python={props.python}
          />
        </div>
      )}
    </div>
  );
}
