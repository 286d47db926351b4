// Step 4 for text labels: metrics and thresholds by label, and predictions for any text.
import { useEffect } from "preact/hooks";
import type { PanelProps } from "../../core/panel";
import { useAlive, useLive, useObject, useSlice } from "../../core/store";
import { count } from "../../ui/format";
import { Card, ErrorLine } from "../../ui/parts";
import { Metrics } from "./Metrics";
import { TextPrediction } from "./prediction";
import { TryText } from "./TryText";
import { Thresholds } from "./thresholds";

export function LabelsPanel({ store, framed = false }: PanelProps) {
  const { transport } = store;
  const alive = useAlive(store);
  const live = useLive(store);
  const { ready } = useSlice(store, "train");
  const { report: newest = null } = useSlice(store, "labels");
  const thresholds = useObject((changed) => new Thresholds(transport, changed));
  const prediction = useObject((changed) => new TextPrediction(transport, changed));
  const running = live?.stats.status === "running";

  thresholds.adopt(newest);
  useEffect(() => {
    if (ready && alive) prediction.begin();
  }, [ready, prediction]);
  // During training only the user asks; the final model answers once more.
  useEffect(() => {
    if (!running && alive && prediction.answer) prediction.ask();
  }, [running, prediction]);
  useEffect(() => () => prediction.close(), [prediction]);

  const { report } = thresholds;
  const byLabel = new Map(
    report?.classes.flatMap((row) => {
      const threshold = thresholds.of(row);
      return threshold === null ? [] : [[row.label, threshold] as const];
    }),
  );
  const note = report ? `${count(report.rows)} validation rows` : ready ? "" : "train first";
  return (
    <Card title="Labels" area="query" note={note} bare={framed}>
      <div class="tw-labeling">
        {!ready && (
          <p class="tw-empty">
            {running
              ? "Preparing the model: metrics follow once training begins."
              : "Once training starts: metrics for each label, and predictions for any text."}
          </p>
        )}
        {ready && !report && <p class="tw-empty">Metrics follow the first evaluation.</p>}
        {ready && report && <Metrics report={report} thresholds={thresholds} />}
        <ErrorLine message={thresholds.error} />
        {ready && <TryText prediction={prediction} thresholds={byLabel} />}
      </div>
    </Card>
  );
}
