// Predictions for any text: its labels, whether they are correct, and word attributions.

import { LabelChips } from "../../ui/chips";
import { milliseconds } from "../../ui/format";
import { ErrorLine } from "../../ui/parts";
import { CopyPython } from "../../ui/python";
import { LabelBars } from "./LabelBars";
import type { TextPrediction } from "./prediction";
import type { LabelAnswer } from "./types";
import { WordView } from "./WordView";

export function TryText(props: {
  prediction: TextPrediction;
  thresholds: ReadonlyMap<string, number>;
}) {
  const { prediction, thresholds } = props;
  const { text, truth, answer, words, focus, error } = prediction;
  // A dragged threshold takes effect at once.
  const labels: LabelAnswer[] = (answer?.labels ?? []).map((one) => {
    const threshold = thresholds.get(one.label);
    return threshold === undefined ? one : { ...one, chosen: one.probability >= threshold };
  });
  const chosen = new Set(labels.filter((one) => one.chosen).map((one) => one.label));
  return (
    <section class="tw-try" aria-label="Try a text">
      <div class="tw-row tw-spread">
        <h4>Try a text</h4>
        <button class="tw-button tw-small" type="button" onClick={() => prediction.next()}>
          Next example
        </button>
      </div>
      <textarea
        class="tw-input"
        rows={3}
        aria-label="Text"
        placeholder="type a text to predict its labels"
        value={text}
        onInput={(event) => prediction.type(event.currentTarget.value)}
      />
      {truth && (
        <div class="tw-row tw-truths">
          <span class="tw-label">True labels of this row</span>
          <LabelChips
            label="True labels"
            names={truth}
            found={answer ? (label) => chosen.has(label) : undefined}
          />
        </div>
      )}
      <ErrorLine message={error} />
      {answer && (
        <>
          <LabelBars
            labels={labels}
            thresholds={thresholds}
            truth={truth}
            focus={focus}
            onFocus={(label) => prediction.focusOn(label)}
          />
          {words && <WordView words={words} stale={prediction.stale} />}
          <div class="tw-row tw-spread">
            <span class="tw-label">
              computed in <span class="tw-time">{milliseconds(answer.seconds)}</span>
            </span>
            <CopyPython
              class="tw-button tw-small"
              label="Copy labels as Python"
              text="Copy as Python"
              python={answer.python}
            />
          </div>
        </>
      )}
    </section>
  );
}
