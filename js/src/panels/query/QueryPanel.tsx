// Step 4: the distribution of any column, given evidence on any others.
import { useEffect } from "preact/hooks";
import { type Store, useObject, usePython, useSlice } from "../../core/store";
import { QuestionState } from "../../inference/question";
import { Card, ErrorLine, Select, Sources } from "../../ui/parts";
import { AnswerView } from "./AnswerView";
import { Control } from "./Control";
import { FormulaLine } from "./FormulaLine";

export function QueryPanel({ store }: { store: Store }) {
  const python = usePython(store);
  const { table } = useSlice(store, "data");
  const { roles = {} } = useSlice(store, "task");
  const { ready, sources = [] } = useSlice(store, "train");
  const slice = useSlice(store, "query");
  const state = useObject((changed) => new QuestionState(store.transport, changed));
  const ofTask = Object.keys(roles).find((column) => roles[column] === "target") ?? null;
  useEffect(() => state.adopt(slice, ofTask), [slice, ofTask, state]);

  const all = table?.columns ?? [];
  const columns = all.filter((column) => column.role !== "ignored");
  const names = all.map((column) => column.name);
  const { target, given, answer, survey, formula, error } = state;
  const set = Object.keys(given).length;
  return (
    <Card
      step={4}
      title="Query"
      area="query"
      note={ready ? <Sources sources={sources} /> : table ? "train first" : ""}
    >
      {!ready && (
        <p class="tw-empty">
          {table ? "Once training starts" : "Once a table is loaded"}, set evidence on any columns
          and watch another's distribution.
        </p>
      )}
      {ready && (
        <>
          <div class="tw-row tw-ask">
            <span class="tw-label">Distribution of</span>
            <Select
              label="Query target"
              value={target ?? ""}
              placeholder="choose a column…"
              options={columns
                .filter((column) => column.role === "feature")
                .map((column) => ({ value: column.name, text: column.name }))}
              onChange={(column) => state.setTarget(column)}
            />
          </div>
          {answer && <AnswerView store={store} answer={answer} />}
          <FormulaLine
            formula={formula}
            onAsk={(text) => state.askFormula(text)}
            answer={answer}
            python={python}
          />
          <ErrorLine message={error} />
          <div class="tw-row tw-spread tw-given-head">
            <span class="tw-label">
              {set
                ? `Evidence on ${set} of ${columns.length - 1} columns`
                : "No evidence: set any column"}
            </span>
            <button
              class="tw-button tw-small"
              type="button"
              disabled={!set}
              onClick={() => state.clear()}
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
                  records={given[column.name] ? null : (survey[column.name] ?? null)}
                  onSet={(evidence) => state.set(column.name, evidence)}
                />
              ))}
          </ul>
        </>
      )}
    </Card>
  );
}
