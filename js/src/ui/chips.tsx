// Labels as chips; with a prediction, each is marked as found or missed.
import { Name } from "./parts";

export function LabelChips(props: {
  label: string;
  names: readonly string[];
  /** Whether the label was predicted; without this, chips are unmarked. */
  found?: (name: string) => boolean;
}) {
  const { label, names, found } = props;
  return (
    <ul class="tw-chips" aria-label={label}>
      {names.map((name) => {
        const verdict = found && (found(name) ? "found" : "missed");
        return (
          <li key={name} class={`tw-truth ${verdict ? `tw-${verdict}` : ""}`}>
            <span>
              <Name text={name} />
            </span>
            {verdict && <small class="tw-verdict">{verdict}</small>}
          </li>
        );
      })}
      {!names.length && <li class="tw-label">no label</li>}
    </ul>
  );
}
