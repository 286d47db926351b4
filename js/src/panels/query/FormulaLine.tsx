// The question as an editable formula.
import { useEffect, useRef, useState } from "preact/hooks";
import { onEnter } from "../../ui/parts";

export function FormulaLine(props: { formula: string; onAsk: (formula: string) => void }) {
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
  );
}
