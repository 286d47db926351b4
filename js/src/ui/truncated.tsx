// The part of a text beyond the maximum length: legible, and marked as not part of the input.
export function Truncated({ text }: { text: string }) {
  return (
    <span class="tw-cut" title="truncated">
      {text}
    </span>
  );
}
