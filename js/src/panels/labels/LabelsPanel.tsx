// Step 4 for texts: how well each label is found, where its threshold lies, and any text tried.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Labelling } from "../../core/protocol";
import type { Store } from "../../core/store";
import { count } from "../../ui/format";
import { Card, ErrorLine } from "../../ui/parts";
import { Figures } from "./Figures";
import { TryText } from "./TryText";
import { Thresholds } from "./thresholds";
import { Trial } from "./trial";

export function LabelsPanel({ store, labeling }: { store: Store; labeling: Labelling }) {
  const { live, alive, transport } = store;
  const { ready } = labeling;
  const [, draw] = useState(0);
  const thresholds = useHeld(() => new Thresholds(transport, () => draw((n) => n + 1)));
  const trial = useHeld(() => new Trial(transport, () => draw((n) => n + 1)));
  const running = live?.stats.status === "running";

  thresholds.adopt(labeling.report);
  useEffect(() => {
    if (ready && alive) trial.begin();
  }, [ready, trial]);
  // While it trains only a person asks; once it is done the answer is the final model's.
  useEffect(() => {
    if (!running && alive && trial.answer) trial.ask();
  }, [running, trial]);
  useEffect(() => () => trial.close(), [trial]);

  const { report } = thresholds;
  const lines = new Map(
    report?.classes.flatMap((row) => {
      const threshold = thresholds.of(row);
      return threshold === null ? [] : [[row.label, threshold] as const];
    }),
  );
  const note = report ? `${count(report.rows)} validation rows` : ready ? "" : "train first";
  return (
    <Card step={4} title="Labels" area="query" note={note}>
      <div class="tw-labeling">
        {!ready && (
          <p class="tw-empty">
            {running
              ? "The model is being prepared: the first figures come as soon as it learns."
              : "Once it trains: how well each label is found, and the labels of any text you type."}
          </p>
        )}
        {ready && !report && <p class="tw-empty">Figures come with the first evaluation.</p>}
        {ready && report && <Figures report={report} thresholds={thresholds} />}
        <ErrorLine message={thresholds.error} />
        {ready && <TryText trial={trial} thresholds={lines} />}
      </div>
    </Card>
  );
}

/** Made once, and kept as long as the panel is drawn. */
function useHeld<T>(make: () => T): T {
  const held = useRef<T | null>(null);
  held.current ??= make();
  return held.current;
}
