// The distribution of a category: the model's bars in color, the matching rows' shares in gray.
import type { Level } from "../../core/table";
import type { DistributionRecord, Matching } from "../../inference/types";
import { levelColor } from "../../ui/colors";
import { level as levelText, share } from "../../ui/format";
import { Name } from "../../ui/parts";

// Beyond this many bars the least likely levels share one.
const MAX_BARS = 16;

export interface LevelBar {
  record: DistributionRecord;
  /** Position among the records, on which the color depends; null for the rest. */
  place: number | null;
  /** Of the matching rows, with its 90 % interval. */
  data: { share: number; low: number; high: number } | null;
}

function data(matching: Matching | null, i: number): LevelBar["data"] {
  const { shares, low, high } = matching ?? {};
  if (!shares) return null;
  return { share: shares[i] ?? 0, low: low?.[i] ?? 0, high: high?.[i] ?? 1 };
}

/** The most likely levels in their own order, and the rest as one. */
export function condensed(
  records: readonly DistributionRecord[],
  matching: Matching | null,
): LevelBar[] {
  const all = records.map(
    (record, place): LevelBar => ({ record, place, data: data(matching, place) }),
  );
  if (all.length <= MAX_BARS) return all;
  const ranked = [...all].sort((a, b) => b.record.probability - a.record.probability);
  const kept = new Set(ranked.slice(0, MAX_BARS - 1));
  const rest = ranked.slice(MAX_BARS - 1);
  const sum = (of: (bar: LevelBar) => number) => rest.reduce((all, bar) => all + of(bar), 0);
  return [
    ...all.filter((bar) => kept.has(bar)),
    {
      record: {
        value: `${rest.length} others`,
        probability: sum((bar) => bar.record.probability),
      },
      place: null,
      data: null,
    },
  ];
}

export function Levels(props: {
  target: string;
  records: readonly DistributionRecord[];
  matching: Matching | null;
  /** The target's value in the selected row. */
  observed: Level | null;
}) {
  const bars = condensed(props.records, props.matching);
  const percent = (value: number) => `${100 * value}%`;
  return (
    <ul class="tw-levels" aria-label={`Distribution of ${props.target}`}>
      {bars.map(({ record, place, data: seen }) => {
        const text = levelText(record.value);
        const here = props.observed !== null && String(props.observed) === String(record.value);
        return (
          <li
            key={String(record.value)}
            style={{ "--tw-hue": place === null ? "var(--tw-line-2)" : levelColor(place) }}
          >
            <span class={here ? "tw-level-name tw-here" : "tw-level-name"}>
              <Name text={text} />
              {here && <small>selected row</small>}
            </span>
            <span class="tw-level-track" aria-hidden="true">
              <span class="tw-level-bar" style={{ width: percent(record.probability) }} />
              {seen && <span class="tw-level-data" style={{ width: percent(seen.share) }} />}
              {seen && (
                <span
                  class="tw-whisker"
                  title="share of the matching rows, with its 90% interval"
                  style={{ left: percent(seen.low), width: percent(seen.high - seen.low) }}
                />
              )}
            </span>
            <span class="tw-level-value">{share(record.probability)}</span>
          </li>
        );
      })}
    </ul>
  );
}
