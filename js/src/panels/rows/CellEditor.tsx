// The field that a cell becomes while it is edited.
import { useLayoutEffect, useRef } from "preact/hooks";

export function CellEditor(props: {
  label: string;
  text: string;
  onCommit: (text: string) => void;
  onCancel: () => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  const done = useRef(false);
  // At once: what is typed next belongs in the field.
  useLayoutEffect(() => {
    const field = input.current;
    field?.focus();
    field?.setSelectionRange(props.text.length, props.text.length);
  }, []);
  const end = (how: () => void) => {
    // Taking the field away takes its focus, which must not commit once more.
    if (done.current) return;
    done.current = true;
    how();
  };
  return (
    <input
      ref={input}
      class="tw-rows-editor"
      aria-label={props.label}
      defaultValue={props.text}
      autocomplete="off"
      spellcheck={false}
      onClick={(event) => event.stopPropagation()}
      onDblClick={(event) => event.stopPropagation()}
      onBlur={(event) => {
        const { value } = event.currentTarget;
        end(() => (value === props.text ? props.onCancel() : props.onCommit(value)));
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        const { value } = event.currentTarget;
        if (event.key === "Enter" || event.key === "Tab") {
          event.preventDefault();
          end(() => props.onCommit(value));
        } else if (event.key === "Escape") {
          event.preventDefault();
          end(props.onCancel);
        }
      }}
    />
  );
}
