// Parts of all panels: card, error line, segmented choice, field, badge.
import { type ComponentChildren, Fragment } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { Kind } from "../core/table";
import { Superseded } from "../core/transport";
import { KINDS } from "./format";
import { CopyPython } from "./python";

export function Card(props: {
  title: string;
  note?: ComponentChildren;
  area: string;
  /** Code that the header offers to copy. */
  python?: string;
  /** Without a header: the frame of the workbench has one for all. */
  bare?: boolean;
  children: ComponentChildren;
}) {
  return (
    <section class={`tw-card tw-${props.area}`} aria-label={props.title}>
      {!props.bare && (
        <header class="tw-card-head">
          <h3>{props.title}</h3>
          <span class="tw-note">{props.note}</span>
          {props.python && (
            <CopyPython
              class="tw-brackets"
              label={`Copy ${props.title} as Python`}
              text="</>"
              python={props.python}
            />
          )}
        </header>
      )}
      {props.children}
    </section>
  );
}

/** Act on Enter, unless it ends the composition of a character. */
export function onEnter(act: () => void): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    // With another key it is the notebook's, which leaves alone what is prevented.
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };
}

/** An error: one line, or a formula with its caret. Nothing without one. */
export function ErrorLine({ message }: { message: string }) {
  if (!message) return null;
  return (
    <p role="alert" class={message.includes("\n") ? "tw-error tw-error-code" : "tw-error"}>
      {message}
    </p>
  );
}

/** Run actions and keep the error for `ErrorLine`. */
export function useErrors(): [string, (action: () => Promise<unknown>) => void] {
  const [message, setMessage] = useState("");
  const run = (action: () => Promise<unknown>) => {
    setMessage("");
    action().catch((error: Error) => {
      if (!(error instanceof Superseded)) setMessage(error.message);
    });
  };
  return [message, run];
}

/** Columns on which the answers beat the table's own shares. */
export interface Better {
  better: number;
  of: number;
}

/** What answers come from, as one pill in parts; nothing before there are answers. */
export function Sources(props: { sources: readonly string[]; better?: Better | null }) {
  const { sources, better } = props;
  if (!sources.length) return null;
  return (
    <span class="tw-sources" role="status" aria-label={`Answers: ${sources.join(" + ")}`}>
      {sources.map((source, i) => (
        <Fragment key={source}>
          {i > 0 && <span class="tw-plus"> + </span>}
          <span class={`tw-source tw-source-${source.split(" ")[0]}`}>{source}</span>
        </Fragment>
      ))}
      {better && (
        <span class="tw-label">
          better than chance on {better.better} of {better.of} columns
        </span>
      )}
    </span>
  );
}

export function Badge({ kind }: { kind: Kind }) {
  return <span class={`tw-badge tw-badge-${kind}`}>{KINDS[kind]}</span>;
}

/** A column's name, with line breaks after punctuation where possible. */
export function Name({ text }: { text: string }) {
  const pieces = text.match(/[^_.:/-]*[_.:/-]*/g)?.filter(Boolean) ?? [];
  return (
    <>
      {pieces.map((piece, i) => (
        <Fragment key={`${i}${piece}`}>
          {piece}
          <wbr />
        </Fragment>
      ))}
    </>
  );
}

export function Field({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="tw-field">
      <span class="tw-label">{label}</span>
      {children}
    </div>
  );
}

/** A choice of one option: radio buttons that look like segments. */
export function Segmented(props: {
  label: string;
  options: readonly string[];
  value: string;
  onChange: (value: string) => void;
}) {
  const name = useId();
  return (
    <div class="tw-segmented" role="radiogroup" aria-label={props.label}>
      {props.options.map((option) => (
        <label key={option} class={option === props.value ? "tw-on" : ""}>
          <input
            type="radio"
            name={name}
            checked={option === props.value}
            onChange={() => props.onChange(option)}
          />
          {option}
        </label>
      ))}
    </div>
  );
}

/** A text field that reports changes on Enter or blur. */
export function EnteredText(props: {
  label: string;
  value: string;
  placeholder: string;
  class: string;
  onChange: (value: string) => void;
}) {
  const [text, setText] = useState(props.value);
  useEffect(() => setText(props.value), [props.value]);
  const take = () => {
    if (text !== props.value) props.onChange(text);
  };
  return (
    <input
      class={`tw-input ${props.class}`}
      aria-label={props.label}
      placeholder={props.placeholder}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onKeyDown={onEnter(take)}
      onBlur={take}
    />
  );
}

/** A number with its unit; the kernel validates it. */
export function Amount(props: {
  label: string;
  unit: string;
  value: number | null;
  /** For the arrows of the field; other numbers may be typed. */
  range: [number, number];
  onChange: (value: number) => void;
}) {
  const [min, max] = props.range;
  return (
    <span class="tw-row">
      <input
        class="tw-input tw-short"
        type="number"
        min={min}
        max={max}
        aria-label={props.label}
        value={props.value ?? ""}
        onChange={(event) => props.onChange(event.currentTarget.valueAsNumber)}
      />
      {props.unit}
    </span>
  );
}

export function Select(props: {
  label: string;
  options: readonly { value: string; text: string; disabled?: boolean }[];
  value: string;
  placeholder?: string;
  onChange: (value: string) => void;
  onFocus?: () => void;
}) {
  return (
    <select
      class="tw-input tw-select"
      aria-label={props.label}
      value={props.value}
      onFocus={props.onFocus}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    >
      {props.placeholder !== undefined && (
        <option value="" disabled>
          {props.placeholder}
        </option>
      )}
      {props.options.map((option) => (
        <option key={option.value} value={option.value} disabled={option.disabled}>
          {option.text}
        </option>
      ))}
    </select>
  );
}
