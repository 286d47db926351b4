// The end of a text that is too long to be read: legible, but not to be mistaken for what is read.
export function Unread({ text }: { text: string }) {
  return (
    <span class="tw-unread" title="not read">
      {text}
    </span>
  );
}
