// The question as a formula that can be edited, the answer's time, and the same as Python.
import { useEffect, useRef, useState } from "preact/hooks";
import type { AnswerSummary } from "../../core/protocol";
import { milliseconds } from "../../ui/format";
import { onEnter } from "../../ui/parts";
import { CopyPython } from "../../ui/python";

export function FormulaLine(props: {
  formula: string;
  answer: AnswerSummary | null;
  /** The lines of Python that do all this without a widget. */
  python: string;
  onAsk: (formula: string) => void;
}) {
  const [text, setText] = useState(props.formula);
  const input = useRef<HTMLInputElement>(null);
  const typing = useRef(false);
  useEffect(() => {
    // A refresh while training must not take the text from under the cursor.
    if (!typing.current || document.activeElement !== input.current) {
      typing.current = false;
      setText(props.formula);
    }
  }, [props.formula]);

  const ask = () => {
    typing.current = false;
    // The field itself, not the state: Enter may come before the last letter was drawn.
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
            exact answer in <span class="tw-time">{milliseconds(props.answer.seconds)}</span>
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
