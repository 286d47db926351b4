// The serialized rows that the model is learning right now.
const SHOWN = 4;

export function Examples({ texts }: { texts: readonly string[] }) {
  if (!texts.length) return null;
  return (
    <div class="tw-examples">
      <span class="tw-label">Rows being learned</span>
      <ul aria-label="Rows being learned">
        {texts.slice(0, SHOWN).map((text, i) => (
          <li key={i}>{text}</li>
        ))}
      </ul>
    </div>
  );
}
