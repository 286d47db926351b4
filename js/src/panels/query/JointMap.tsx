// Two columns at once: a map of the probability of every pair of values.
import type { Level } from "../../core/table";
import type { AnswerSummary, JointRecord } from "../../inference/types";
import { level as levelText, share } from "../../ui/format";

/** The distinct values along one side, in the order of the records. */
export function side(records: readonly JointRecord[], axis: "x" | "y"): Level[] {
  return [...new Map(records.map((record) => [String(record[axis]), record[axis]])).values()];
}

// More names along a side would overlap.
const MAX_NAMES = 12;

function Names({ values, axis }: { values: readonly Level[]; axis: "x" | "y" }) {
  const every = Math.ceil(values.length / MAX_NAMES);
  return (
    <div class={`tw-joint-${axis}`} aria-hidden="true">
      {values.map((value, i) => (
        <span key={String(value)}>{i % every === 0 ? levelText(value) : ""}</span>
      ))}
    </div>
  );
}

export function JointMap({ answer }: { answer: AnswerSummary }) {
  const records = answer.joint ?? [];
  const [xs, ys] = [side(records, "x"), side(records, "y")];
  const most = Math.max(1e-300, ...records.map((record) => record.probability));
  const xAt = new Map(xs.map((value, i) => [String(value), i]));
  const yAt = new Map(ys.map((value, i) => [String(value), i]));
  return (
    <figure class="tw-joint">
      <figcaption class="tw-label">
        {answer.second} across, {answer.target} down
      </figcaption>
      <div class="tw-joint-plot">
        <Names values={ys} axis="y" />
        <svg
          viewBox={`0 0 ${xs.length || 1} ${ys.length || 1}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`Distribution of ${answer.target} and ${answer.second}`}
        >
          {records.map((record) => (
            <rect
              key={`${record.x}\n${record.y}`}
              x={xAt.get(String(record.x))}
              y={yAt.get(String(record.y))}
              width={1}
              height={1}
              style={{ fillOpacity: (record.probability / most) ** 0.6 }}
            >
              <title>
                {`${levelText(record.y)}, ${levelText(record.x)}: ${share(record.probability)}`}
              </title>
            </rect>
          ))}
        </svg>
        <Names values={xs} axis="x" />
      </div>
    </figure>
  );
}
