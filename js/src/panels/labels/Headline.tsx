// Validation metrics of all labels together, also without tuned thresholds.

import { SCORES, score } from "../../ui/format";
import type { LabelReport } from "./types";

const SHOWN = ["f1_micro", "f1_macro", "accuracy"] as const;

export function Headline({ report }: { report: LabelReport }) {
  return (
    <ul class="tw-scores" aria-label="Validation metrics">
      {SHOWN.map((name) => (
        <li key={name}>
          <span class="tw-label">{SCORES[name]}</span>
          <output aria-label={SCORES[name]}>{score(report[name], 3)}</output>
          {report.half && (
            <span class="tw-label">{score(report.half[name], 3)} at threshold 0.5</span>
          )}
        </li>
      ))}
    </ul>
  );
}
