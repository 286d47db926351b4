// The figures of the validation rows: all labels together, then each, with what moves thresholds.
import type { LabelReport } from "../../core/protocol";
import { ClassTable } from "./ClassTable";
import { Headline } from "./Headline";
import type { Thresholds } from "./thresholds";

export function Figures({ report, thresholds }: { report: LabelReport; thresholds: Thresholds }) {
  const movable = report.classes.some((row) => row.has.length > 0);
  return (
    <>
      <Headline report={report} />
      {report.multi && (
        <div class="tw-row tw-spread">
          <p class="tw-label tw-legend">
            {movable ? (
              <>
                rows that <span class="tw-has">have the label</span>{" "}
                <span class="tw-lacks">lack it</span>, by its probability
              </>
            ) : (
              "Thresholds can be moved once it is trained."
            )}
          </p>
          {movable && (
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
