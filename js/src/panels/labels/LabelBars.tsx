// Probabilities of a text's labels as bars, each with a tick at its threshold.

import { score, share } from "../../ui/format";
import { Name } from "../../ui/parts";
import type { LabelAnswer } from "./types";

const SHOWN = 10;

/** The most likely labels, most likely first, and all that are predicted. */
export function topLabels(labels: readonly LabelAnswer[]): LabelAnswer[] {
  const kept = [...labels].sort((a, b) => Number(b.chosen) - Number(a.chosen)).slice(0, SHOWN);
  return kept.sort((a, b) => b.probability - a.probability);
}

export function LabelBars(props: {
  /** All labels, most likely first. */
  labels: readonly LabelAnswer[];
  /** By label; empty where a text has only one. */
  thresholds: ReadonlyMap<string, number>;
  /** The true labels, if known. */
  truth: readonly string[] | null;
  focus: string | null;
  onFocus: (label: string) => void;
}) {
  const { labels, thresholds, truth, focus, onFocus } = props;
  const shown = topLabels(labels);
  const rest = labels.length - shown.length;
  return (
    <ul class="tw-likely" aria-label="Label probabilities">
      {shown.map(({ label, probability, chosen }) => {
        const threshold = thresholds.get(label);
        const verdict = chosen && truth ? (truth.includes(label) ? "correct" : "wrong") : "";
        const description = [`${label} ${share(probability)}`, chosen && "predicted", verdict];
        return (
          <li key={label}>
            <button
              type="button"
              class={`tw-likely-row ${chosen ? "tw-chosen" : ""}`}
              aria-label={description.filter(Boolean).join(", ")}
              aria-pressed={label === focus}
              onClick={() => onFocus(label)}
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
