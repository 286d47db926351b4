// Step 4: ask any column, given any others, and watch the distribution move.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Store } from "../../core/store";
import { useStore } from "../../core/store";
import { Conversation } from "../../inference/question";
import { Card, ErrorLine, Select } from "../../ui/parts";
import { AnswerView } from "./AnswerView";
import { Control } from "./Control";
import { FormulaLine } from "./FormulaLine";

export function QueryPanel({ store }: { store: Store }) {
  const { snapshot } = useStore(store);
  const [, draw] = useState(0);
  const held = useRef<Conversation | null>(null);
  held.current ??= new Conversation(store.transport, () => draw((n) => n + 1));
  const conversation = held.current;

  useEffect(() => {
    conversation.adopt(snapshot);
    draw((n) => n + 1);
  }, [snapshot, conversation]);

  const columns = (snapshot.table?.columns ?? []).filter((column) => column.role !== "ignored");
  const names = (snapshot.table?.columns ?? []).map((column) => column.name);
  const { target, given, answer, survey, formula, error } = conversation;
  const set = Object.keys(given).length;
  return (
    <Card step={4} title="Query" area="query" note={snapshot.ready ? "" : "train first"}>
      {!snapshot.ready && (
        <p class="tw-empty">
          Once it trains, ask any column: drag, click or type what you know, and watch.
        </p>
      )}
      {snapshot.ready && (
        <>
          <div class="tw-row tw-ask">
            <span class="tw-label">Distribution of</span>
            <Select
              label="Asked column"
              value={target ?? ""}
              placeholder="choose a column…"
              options={columns
                .filter((column) => column.role === "feature")
                .map((column) => ({ value: column.name, text: column.name }))}
              onChange={(column) => conversation.setTarget(column)}
            />
          </div>
          {answer && <AnswerView store={store} answer={answer} />}
          <FormulaLine
            formula={formula}
            onAsk={(text) => conversation.askFormula(text)}
            answer={answer}
            python={snapshot.python}
          />
          <ErrorLine message={error} />
          <div class="tw-row tw-spread tw-given-head">
            <span class="tw-label">
              {set
                ? `Given ${set} of ${columns.length - 1} columns`
                : "Given nothing: set any column"}
            </span>
            <button
              class="tw-button tw-small"
              type="button"
              disabled={!set}
              onClick={() => conversation.clear()}
            >
              Clear all
            </button>
          </div>
          <ul class="tw-controls" aria-label="Evidence">
            {columns
              .filter((column) => column.name !== target)
              .map((column) => (
                <Control
                  key={column.name}
                  column={column}
                  names={names}
                  evidence={given[column.name] ?? null}
                  records={survey[column.name] ?? null}
                  onSet={(evidence) => conversation.set(column.name, evidence)}
                />
              ))}
          </ul>
        </>
      )}
    </Card>
  );
}
