// A text's evidence: what is typed, asked once the typing rests.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ControlProps } from "./Control";

const REST = 250; // milliseconds

export function TextControl({ column, evidence, onSet }: ControlProps) {
  const known = evidence?.op === "is" ? String(evidence.value) : "";
  const [text, setText] = useState(known);
  const timer = useRef<number | undefined>(undefined);
  const typed = useRef(known);

  // Cleared or asked elsewhere, the box follows; while one types it must not.
  useEffect(() => {
    if (known !== typed.current) {
      typed.current = known;
      setText(known);
    }
  }, [known]);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const change = (next: string) => {
    setText(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      typed.current = next;
      onSet(next.trim() ? { op: "is", value: next } : null);
    }, REST);
  };
  return (
    <textarea
      class="tw-input tw-text"
      rows={2}
      aria-label={`${column.name} text`}
      placeholder="type a text: its words tell of the other columns"
      value={text}
      onInput={(event) => change(event.currentTarget.value)}
    />
  );
}
