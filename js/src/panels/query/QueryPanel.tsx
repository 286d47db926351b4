// The distribution of any column, given evidence on any others.
import { useMemo } from "preact/hooks";
import type { PanelProps } from "../../core/panel";
import { usePython, useSlice } from "../../core/store";
import { useQuestion } from "../../inference/shared";
import { milliseconds } from "../../ui/format";
import { Card, ErrorLine, Select, Sources } from "../../ui/parts";
import { CopyPython } from "../../ui/python";
import { AnswerView } from "./AnswerView";
import { FormulaLine } from "./FormulaLine";

export function QueryPanel({ store, framed = false }: PanelProps) {
  const python = usePython(store);
  const { table } = useSlice(store, "data");
  const { ready, preparing, sources = [] } = useSlice(store, "train");
  const question = useQuestion(store);
  const columns = table?.columns ?? [];
  const names = useMemo(() => columns.map((column) => column.name), [columns]);
  const { target, second, answer, formula, error } = question;
  return (
    <Card
      title="Query"
      area="query"
      bare={framed}
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
              onChange={(column) => question.setTarget(column)}
            />
            {second && (
              <span class="tw-second">
                and <b>{second}</b>
                <button
                  class="tw-icon"
                  type="button"
                  aria-label={`Ask for ${target} alone`}
                  onClick={() => question.setSecond(null)}
                >
                  ×
                </button>
              </span>
            )}
            {answer && (
              <span class="tw-row tw-ask-end">
                <span class="tw-label">
                  computed in <span class="tw-time">{milliseconds(answer.seconds)}</span>
                </span>
                <CopyPython
                  class="tw-button tw-small"
                  label="Copy as Python"
                  text="Copy as Python"
                  python={python}
                />
              </span>
            )}
          </div>
          <FormulaLine formula={formula} onAsk={(text) => question.askFormula(text)} />
          <ErrorLine message={error} />
          {!answer && preparing && (
            <p class="tw-empty" role="status">
              Reading the table: the first answer comes in a moment.
            </p>
          )}
          {answer && <AnswerView store={store} question={question} answer={answer} names={names} />}
        </>
      )}
    </Card>
  );
}
