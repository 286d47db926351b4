// Any text tried: its labels, whether they are right, and which words make them so.

import type { LabelAnswer } from "../../core/protocol";
import { LabelChips } from "../../ui/chips";
import { milliseconds } from "../../ui/format";
import { ErrorLine } from "../../ui/parts";
import { CopyPython } from "../../ui/python";
import { LabelBars } from "./LabelBars";
import type { Trial } from "./trial";
import { WordView } from "./WordView";

export function TryText(props: { trial: Trial; thresholds: ReadonlyMap<string, number> }) {
  const { trial, thresholds } = props;
  const { text, truth, answer, words, focus, error } = trial;
  // A threshold that is being moved decides at once.
  const labels: LabelAnswer[] = (answer?.labels ?? []).map((one) => {
    const threshold = thresholds.get(one.label);
    return threshold === undefined ? one : { ...one, chosen: one.probability >= threshold };
  });
  const chosen = new Set(labels.filter((one) => one.chosen).map((one) => one.label));
  return (
    <section class="tw-try" aria-label="Try a text">
      <div class="tw-row tw-spread">
        <h4>Try a text</h4>
        <button class="tw-button tw-small" type="button" onClick={() => trial.next()}>
          Next example
        </button>
      </div>
      <textarea
        class="tw-input"
        rows={3}
        aria-label="Text"
        placeholder="type a text: its labels follow"
        value={text}
        onInput={(event) => trial.type(event.currentTarget.value)}
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
            onLook={(label) => trial.look(label)}
          />
          {words && <WordView words={words} stale={trial.stale} />}
          <div class="tw-row tw-spread">
            <span class="tw-label">
              labeled in <span class="tw-time">{milliseconds(answer.seconds)}</span>
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
