// The answer: a headline, and a chart of the distribution.
import { useEffect, useState } from "preact/hooks";
import type { Json } from "../../core/protocol";
import { type Store, useAlive } from "../../core/store";
import type { AnswerSummary, DistributionRecord } from "../../inference/types";
import { Chart } from "../../ui/chart";

const BAR = 24;

// Beyond this many bars the least likely levels share one.
const MAX_BARS = 20;

/** The most likely levels in their own order, and the rest as one. */
export function condensed(records: readonly DistributionRecord[]): readonly DistributionRecord[] {
  if (records.length <= MAX_BARS) return records;
  const ranked = [...records].sort((a, b) => b.probability - a.probability);
  const kept = new Set(ranked.slice(0, MAX_BARS - 1));
  const rest = ranked.slice(MAX_BARS - 1);
  const probability = rest.reduce((sum, record) => sum + record.probability, 0);
  return [
    ...records.filter((record) => kept.has(record)),
    { value: `${rest.length} others`, probability },
  ];
}

export function AnswerView({ store, answer }: { store: Store; answer: AnswerSummary }) {
  const [drawn, setDrawn] = useState<{ target: string; spec: Json } | null>(null);
  const { transport } = store;
  const alive = useAlive(store);

  // The spec depends on the target alone: dragging a slider changes only the data.
  useEffect(() => {
    if (!alive || drawn?.target === answer.target) return;
    transport.latest("answer-chart", {}).then(
      ({ spec }) => setDrawn({ target: answer.target, spec }),
      () => {},
    );
  }, [answer.target, alive]);

  const levels = answer.kind === "categorical" || answer.kind === "boolean";
  const rows = levels ? condensed(answer.records) : answer.records;
  const height = levels ? Math.max(110, rows.length * BAR + 40) : 190;
  return (
    <div class="tw-answer">
      <output class="tw-headline" aria-label="Answer">
        <strong>{answer.headline}</strong> <span>{answer.detail}</span>
      </output>
      {drawn?.target === answer.target && (
        <Chart
          spec={drawn.spec}
          dataset="distribution"
          rows={rows}
          replace
          height={height}
          label={`Distribution of ${answer.target}`}
        />
      )}
      {drawn?.target !== answer.target && <div style={{ minHeight: `${height}px` }} />}
    </div>
  );
}
