// Evidence on a text column, sent when typing pauses.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ControlProps } from "./Control";

const PAUSE = 250; // milliseconds

export function TextControl({ column, evidence, onSet }: ControlProps) {
  const current = evidence?.op === "is" ? String(evidence.value) : "";
  const [text, setText] = useState(current);
  const timer = useRef<number | undefined>(undefined);
  const typed = useRef(current);

  // Follow changes from elsewhere, but not while typing.
  useEffect(() => {
    if (current !== typed.current) {
      typed.current = current;
      setText(current);
    }
  }, [current]);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const change = (next: string) => {
    setText(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      typed.current = next;
      onSet(next.trim() ? { op: "is", value: next } : null);
    }, PAUSE);
  };
  return (
    <textarea
      class="tw-input tw-text"
      rows={2}
      aria-label={`${column.name} text`}
      placeholder="type a text to use as evidence"
      value={text}
      onInput={(event) => change(event.currentTarget.value)}
    />
  );
}
