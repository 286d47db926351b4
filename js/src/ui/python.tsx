// Python code to copy, shown in a box where there is no clipboard.
import { useEffect, useRef, useState } from "preact/hooks";

export function CopyPython(props: { python: string; label: string; text: string; class: string }) {
  const [outcome, setOutcome] = useState<"" | "copied" | "box">("");
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (outcome === "box") box.current?.select();
    if (outcome !== "copied") return;
    const timer = setTimeout(() => setOutcome(""), 2000);
    return () => clearTimeout(timer);
  }, [outcome]);

  const copy = async () => {
    if (outcome === "box") {
      setOutcome("");
      return;
    }
    try {
      await navigator.clipboard.writeText(props.python);
      setOutcome("copied");
    } catch {
      // No clipboard without HTTPS or permission: show the code, selected.
      setOutcome("box");
    }
  };
  return (
    <>
      <button
        class={props.class}
        type="button"
        aria-label={props.label}
        title={props.label}
        onClick={copy}
      >
        {outcome === "copied" ? "Copied" : props.text}
      </button>
      {outcome === "box" && (
        <textarea
          ref={box}
          class="tw-input tw-code tw-python"
          aria-label="Python"
          rows={Math.min(12, props.python.split("\n").length + 1)}
          readOnly
          value={props.python}
        />
      )}
    </>
  );
}
