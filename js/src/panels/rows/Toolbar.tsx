// Search, filter and layers of the grid, each a line of Python too.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Store } from "../../core/store";
import { useQuestionValue } from "../../inference/shared";
import { count as counted } from "../../ui/format";
import type { RowsSettings, RowsView, SurpriseProgress } from "./types";

const PAUSE = 150; // milliseconds of typing

export function Toolbar(props: {
  store: Store;
  rows: number;
  view: RowsView;
  /** Whether a model answers. */
  ready: boolean;
  asEvidence: boolean;
  surprise: boolean;
  progress: SurpriseProgress | null;
  onView: (settings: Partial<RowsSettings>) => void;
  onAsEvidence: (on: boolean) => void;
  onSurprise: (on: boolean) => void;
  onNext: () => void;
}) {
  const { rows, view, progress } = props;
  const some = view.total < rows;
  return (
    <div class="tw-rows-tools">
      <Search text={view.search} onSearch={(search) => props.onView({ search })} />
      <MatchingOnly
        store={props.store}
        rows={rows}
        checked={view.matching_only}
        onChange={(matching_only) => props.onView({ matching_only })}
      />
      {props.ready && (
        <>
          <Check label="row as evidence" checked={props.asEvidence} onChange={props.onAsEvidence} />
          <Check label="surprise" checked={props.surprise} onChange={props.onSurprise} />
          {props.surprise && (
            <>
              <Check
                label="most surprising first"
                checked={view.by_surprise}
                onChange={(by_surprise) => props.onView({ by_surprise })}
              />
              <button class="tw-button tw-small" type="button" onClick={props.onNext}>
                Next surprising cell
              </button>
            </>
          )}
        </>
      )}
      <span class="tw-rows-count" role="status">
        {props.surprise && progress && progress.done < progress.total
          ? `surprise: ${counted(progress.done)} of ${counted(progress.total)} rows · `
          : props.surprise && progress && progress.total < rows
            ? `surprise of ${counted(progress.done)} rows, evenly spaced or seen · `
            : ""}
        {some ? `${counted(view.total)} of ${counted(rows)} rows` : `${counted(rows)} rows`}
      </span>
    </div>
  );
}

/** Its count changes while a slider is dragged: it draws itself, not the grid. */
function MatchingOnly(props: {
  store: Store;
  rows: number;
  checked: boolean;
  onChange: (on: boolean) => void;
}) {
  const matching = useQuestionValue(props.store, ({ given, answer }) =>
    Object.keys(given).length ? (answer?.matching?.matching ?? null) : null,
  );
  const count = matching === null ? "" : ` (${counted(matching)} of ${counted(props.rows)})`;
  return (
    <Check label={`matching rows only${count}`} checked={props.checked} onChange={props.onChange} />
  );
}

function Check(props: { label: string; checked: boolean; onChange: (on: boolean) => void }) {
  return (
    <label class="tw-rows-check">
      <input
        type="checkbox"
        checked={props.checked}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      {props.label}
    </label>
  );
}

function Search(props: { text: string; onSearch: (text: string) => void }) {
  const [text, setText] = useState(props.text);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const typed = useRef(props.text);
  // Follow changes from elsewhere, but not while typing.
  useEffect(() => {
    if (props.text !== typed.current) {
      typed.current = props.text;
      setText(props.text);
    }
  }, [props.text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const change = (next: string) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      typed.current = next;
      props.onSearch(next);
    }, PAUSE);
  };
  return (
    <input
      class="tw-input tw-rows-search"
      type="search"
      aria-label="Search rows"
      placeholder="Search rows"
      value={text}
      onInput={(event) => change(event.currentTarget.value)}
    />
  );
}
