// A row as model input: its text, its tokens if there are any, and its true labels.
import { LabelChips } from "../../ui/chips";
import { count } from "../../ui/format";
import { RowText } from "./RowText";
import type { Preview } from "./types";

export function RowPreview(props: {
  preview: Preview;
  columns: readonly string[];
  onNext: () => void;
}) {
  const { preview, columns, onNext } = props;
  const { tokens, labels } = preview;
  const kept = tokens.filter(([end]) => end <= preview.read).length;
  const learned = tokens.some(([, learned]) => learned);
  return (
    <div class="tw-preview">
      <div class="tw-row tw-spread">
        <span class="tw-label">
          Row {preview.row + 1} as model input{!labels && ", columns in random order"}
        </span>
        <button class="tw-button tw-small" type="button" onClick={onNext}>
          {labels ? "Another row" : "Shuffle"}
        </button>
      </div>
      <RowText
        preview={preview}
        columns={columns}
        label={labels ? "Input text" : "Serialized row"}
      />
      {labels && <LabelChips label="Labels of the row" names={labels} />}
      {tokens.length > 0 && (
        <p class="tw-label">
          {count(tokens.length)} tokens
          {kept < tokens.length && `, truncated to ${count(kept)}`}
          {learned && (
            <>
              ; only those <span class="tw-token-learned">underlined</span> enter the loss
            </>
          )}
        </p>
      )}
    </div>
  );
}
