// A row's text: cells colored by column, split into tokens if there are any, dim where truncated.
import type { JSX } from "preact";
import { colorOf } from "../../ui/colors";
import { Truncated } from "../../ui/truncated";
import type { Preview } from "./types";

/**
 * Offsets count code points, as in Python; JavaScript's strings are in UTF-16 units.
 */
export function RowText(props: { preview: Preview; columns: readonly string[]; label: string }) {
  const { preview, columns, label } = props;
  const text = [...preview.text];
  const end = preview.read < text.length ? preview.read : text.length;
  const cut = (from: number, to: number) => inTokens(text, preview.tokens, from, to);
  const parts: (string | JSX.Element)[] = [];
  let at = 0;
  for (const span of preview.spans) {
    const [nameStart, nameEnd] = span.name;
    const [valueStart, valueEnd] = span.value;
    parts.push(...cut(at, nameStart));
    parts.push(
      <span key={span.column} class="tw-cell" style={{ "--tw-hue": colorOf(span.column, columns) }}>
        <span class="tw-cell-name">{cut(nameStart, nameEnd)}</span>
        {cut(nameEnd, valueStart)}
        <span class="tw-cell-value">{cut(valueStart, valueEnd)}</span>
      </span>,
    );
    at = valueEnd;
  }
  parts.push(...cut(at, end));
  if (end < text.length) {
    parts.push(<Truncated key="truncated" text={text.slice(end).join("")} />);
  }
  return (
    <figure class="tw-rowtext" aria-label={label}>
      {parts}
    </figure>
  );
}

/** A part of the text, split where tokens end; unchanged if there are none. */
function inTokens(
  text: readonly string[],
  tokens: Preview["tokens"],
  from: number,
  to: number,
): (string | JSX.Element)[] {
  if (!tokens.length) return [text.slice(from, to).join("")];
  const parts: JSX.Element[] = [];
  let start = 0;
  for (const [end, learned] of tokens) {
    const [low, high] = [Math.max(start, from), Math.min(end, to)];
    if (low < high) {
      const ends = high === end ? " tw-token-end" : "";
      parts.push(
        <span key={low} class={`tw-token${ends}${learned ? " tw-token-learned" : ""}`}>
          {text.slice(low, high).join("")}
        </span>,
      );
    }
    start = end;
  }
  return parts;
}
