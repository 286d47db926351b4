// A text's labels as bars, each with a tick at its threshold; a click puts the label in focus.

import type { LabelAnswer } from "../../core/protocol";
import { score, share } from "../../ui/format";
import { Name } from "../../ui/parts";

const SHOWN = 10;

/** The likeliest labels, likeliest first, but none left out that was chosen. */
export function foremost(labels: readonly LabelAnswer[]): LabelAnswer[] {
  const kept = [...labels].sort((a, b) => Number(b.chosen) - Number(a.chosen)).slice(0, SHOWN);
  return kept.sort((a, b) => b.probability - a.probability);
}

export function LabelBars(props: {
  /** All of them, likeliest first. */
  labels: readonly LabelAnswer[];
  /** By label, where a text may have several. */
  thresholds: ReadonlyMap<string, number>;
  /** The true labels, if they are known. */
  truth: readonly string[] | null;
  focus: string | null;
  onLook: (label: string) => void;
}) {
  const { labels, thresholds, truth, focus, onLook } = props;
  const shown = foremost(labels);
  const rest = labels.length - shown.length;
  return (
    <ul class="tw-likely" aria-label="Probabilities of the labels">
      {shown.map(({ label, probability, chosen }) => {
        const threshold = thresholds.get(label);
        const verdict = chosen && truth ? (truth.includes(label) ? "right" : "wrong") : "";
        const said = [`${label} ${share(probability)}`, chosen && "chosen", verdict];
        return (
          <li key={label}>
            <button
              type="button"
              class={`tw-likely-row ${chosen ? "tw-chosen" : ""}`}
              aria-label={said.filter(Boolean).join(", ")}
              aria-pressed={label === focus}
              onClick={() => onLook(label)}
            >
              <span class="tw-likely-name">
                <Name text={label} />
              </span>
              <span class="tw-likely-bar" style={{ "--tw-part": `${probability * 100}%` }}>
                {threshold !== undefined && (
                  <i
                    style={{ left: `${threshold * 100}%` }}
                    title={`threshold ${score(threshold, 3)}`}
                  />
                )}
              </span>
              <span class="tw-likely-share">{share(probability)}</span>
              <span class={`tw-mark tw-${verdict || "plain"}`} aria-hidden="true">
                {verdict === "wrong" ? "✗" : chosen ? "✓" : ""}
              </span>
            </button>
          </li>
        );
      })}
      {rest > 0 && <li class="tw-label">and {rest} more</li>}
    </ul>
  );
}
