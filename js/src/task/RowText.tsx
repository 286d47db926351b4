// A serialized row whose cells are coloured by their column.
import type { JSX } from "preact";
import { colourOf } from "../shared/colours";
import type { Preview } from "../shared/protocol";

/**
 * Offsets are in code points (Python's), JavaScript's strings in UTF-16 units: cut by code points.
 */
export function RowText({ preview, columns }: { preview: Preview; columns: readonly string[] }) {
  const text = [...preview.text];
  const cut = (from: number, to: number) => text.slice(from, to).join("");
  const parts: (string | JSX.Element)[] = [];
  let at = 0;
  for (const span of preview.spans) {
    const [nameStart, nameEnd] = span.name;
    const [valueStart, valueEnd] = span.value;
    parts.push(cut(at, nameStart));
    parts.push(
      <span
        key={span.column}
        class="tw-cell"
        style={{ "--tw-hue": colourOf(span.column, columns) }}
      >
        <span class="tw-cell-name">{cut(nameStart, nameEnd)}</span>
        {cut(nameEnd, valueStart)}
        <span class="tw-cell-value">{cut(valueStart, valueEnd)}</span>
      </span>,
    );
    at = valueEnd;
  }
  parts.push(cut(at, text.length));
  return (
    <figure class="tw-rowtext" aria-label="Serialized row">
      {parts}
    </figure>
  );
}
