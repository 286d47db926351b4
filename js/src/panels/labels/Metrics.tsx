// Validation metrics: of all labels together, then of each with its threshold.

import { ClassTable } from "./ClassTable";
import { Headline } from "./Headline";
import type { Thresholds } from "./thresholds";
import type { LabelReport } from "./types";

export function Metrics({ report, thresholds }: { report: LabelReport; thresholds: Thresholds }) {
  const adjustable = report.classes.some((row) => row.has.length > 0);
  return (
    <>
      <Headline report={report} />
      {report.multi && (
        <div class="tw-row tw-spread">
          <p class="tw-label tw-legend">
            {adjustable ? (
              <>
                rows <span class="tw-has">with the label</span>{" "}
                <span class="tw-lacks">without it</span>, by predicted probability
              </>
            ) : (
              "Thresholds can be adjusted after training."
            )}
          </p>
          {adjustable && (
            <span class="tw-row">
              <button
                class="tw-button tw-small"
                type="button"
                onClick={() => thresholds.take("tuned")}
              >
                Tuned
              </button>
              <button
                class="tw-button tw-small"
                type="button"
                onClick={() => thresholds.take("half")}
              >
                All 0.5
              </button>
            </span>
          )}
        </div>
      )}
      <ClassTable report={report} thresholds={thresholds} />
    </>
  );
}
