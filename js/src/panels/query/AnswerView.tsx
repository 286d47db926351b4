// The answer: one line that says it, and the chart of the whole distribution.
import { useEffect, useState } from "preact/hooks";
import type { AnswerSummary, DistributionRecord, Json } from "../../core/protocol";
import type { Store } from "../../core/store";
import { Chart } from "../../ui/chart";

const BAR = 24;

// More bars than this are no picture: the least likely levels become one bar.
const MAX_BARS = 20;

/** The likeliest levels in their own order, and the rest as one. */
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
  const { transport, alive } = store;

  // The spec depends on the target alone: while a slider moves, only its data changes.
  useEffect(() => {
    if (!alive || drawn?.target === answer.target) return;
    transport.latest("chart", { name: "distribution" }).then(
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
