// Rows of the newest batch, as the model reads them.
const SHOWN = 4;

export function Examples({ texts }: { texts: readonly string[] }) {
  if (!texts.length) return null;
  return (
    <div class="tw-examples">
      <span class="tw-label">Training rows</span>
      <ul aria-label="Training rows">
        {texts.slice(0, SHOWN).map((text, i) => (
          <li key={i}>{text}</li>
        ))}
      </ul>
    </div>
  );
}
