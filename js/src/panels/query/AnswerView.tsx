// The answer: large in words, drawn beside what the rows say, and over the range of a slider.

import type { Store } from "../../core/store";
import { useSelected } from "../../inference/observed";
import type { QuestionState } from "../../inference/question";
import type { AnswerSummary, Given, Matching } from "../../inference/types";
import { count, share } from "../../ui/format";
import { CurveView } from "./CurveView";
import { Density } from "./Density";
import { JointMap } from "./JointMap";
import { Levels } from "./Levels";

/** What the matching rows say, such as “124 of 344 rows match: Adelie 55%”. */
export function rowsInWords(matching: Matching | null, answer: AnswerSummary): string {
  if (!matching) return "";
  const of = `${count(matching.matching)} of ${count(matching.rows)} rows match`;
  if (!matching.shares) return of;
  const levels = answer.kind === "categorical" || answer.kind === "boolean";
  if (!levels) return of;
  let top = 0;
  answer.records.forEach((record, i) => {
    if (record.probability > (answer.records[top]?.probability ?? 0)) top = i;
  });
  const [low, high] = [matching.low?.[top] ?? 0, matching.high?.[top] ?? 1];
  return (
    `${of}: ${answer.records[top]?.value} ${share(matching.shares[top] ?? 0)} ` +
    `(${share(low)} to ${share(high)})`
  );
}

/** The single values of evidence, such as “island=Dream, bill_length_mm=45”. */
export function exactly(given: Given): string {
  return Object.entries(given)
    .flatMap(([column, evidence]) => (evidence.op === "is" ? [`${column}=${evidence.value}`] : []))
    .join(", ");
}

function Drawing(props: { answer: AnswerSummary; store: Store; names: readonly string[] }) {
  const { answer, names } = props;
  const observed = useSelected(props.store)?.values[answer.target] ?? null;
  const common = { target: answer.target, records: answer.records, observed };
  if (answer.second) return <JointMap answer={answer} />;
  if (answer.kind === "categorical" || answer.kind === "boolean") {
    return <Levels {...common} matching={answer.matching} />;
  }
  const date = answer.kind === "datetime";
  return <Density {...common} matching={answer.matching} names={names} date={date} />;
}

export function AnswerView(props: {
  store: Store;
  question: QuestionState;
  answer: AnswerSummary;
  names: readonly string[];
}) {
  const { question, answer, names } = props;
  const { curve, given, moved } = question;
  // Of another target until the new curve is computed.
  const fits = curve?.target === answer.target && !answer.second;
  const shown = curve && fits && curve.column in given ? curve : null;
  return (
    <div class="tw-answer">
      <output class="tw-headline" aria-label="Answer">
        <strong>{answer.headline}</strong> <span>{answer.detail}</span>
      </output>
      <div class="tw-row tw-spread tw-notes">
        <p class="tw-label tw-matching" aria-label="Matching rows" role="note">
          <span class="tw-key" aria-hidden="true" />
          {rowsInWords(answer.matching, answer)}
        </p>
        <p class="tw-label tw-moved" aria-label="Moved most" role="note">
          {moved.length > 0 &&
            `moved most: ${moved.map(({ column, shift }) => `${column} ${share(shift)}`).join(", ")}`}
        </p>
      </div>
      <div
        class={shown ? "tw-answer-views tw-two" : "tw-answer-views"}
        data-question={exactly(question.answered)}
      >
        <Drawing answer={answer} store={props.store} names={names} />
        {shown && (
          <CurveView
            curve={shown}
            answer={answer}
            evidence={given[shown.column] ?? null}
            names={names}
          />
        )}
      </div>
    </div>
  );
}
