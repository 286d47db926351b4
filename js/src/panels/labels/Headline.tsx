// How often the labels of the validation rows are right, and what the thresholds bring.

import type { LabelReport } from "../../core/protocol";
import { SCORES, score } from "../../ui/format";

const SHOWN = ["f1_micro", "f1_macro", "accuracy"] as const;

export function Headline({ report }: { report: LabelReport }) {
  return (
    <ul class="tw-scores" aria-label="Figures of the validation rows">
      {SHOWN.map((name) => (
        <li key={name}>
          <span class="tw-label">{SCORES[name]}</span>
          <output aria-label={SCORES[name]}>{score(report[name], 3)}</output>
          {report.half && (
            <span class="tw-label">{score(report.half[name], 3)} at thresholds of 0.5</span>
          )}
        </li>
      ))}
    </ul>
  );
}
