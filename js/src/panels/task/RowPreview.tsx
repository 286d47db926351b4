// A row as the model reads it: its text, its tokens if there are any, and its true labels.

import type { Preview } from "../../core/protocol";
import { LabelChips } from "../../ui/chips";
import { count } from "../../ui/format";
import { RowText } from "./RowText";

export function RowPreview(props: {
  preview: Preview;
  columns: readonly string[];
  /** The text of a row is read as it is, and has labels. */
  labeled: boolean;
  onNext: () => void;
}) {
  const { preview, columns, labeled, onNext } = props;
  const all = preview.tokens.length;
  const unread = preview.tokens.filter(([end]) => end > preview.read).length;
  const learned = preview.tokens.some(([, learns]) => learns);
  return (
    <div class="tw-preview">
      <div class="tw-row tw-spread">
        <span class="tw-label">
          Row {preview.row + 1} as the model reads it{!labeled && ", columns in a fresh order"}
        </span>
        <button class="tw-button tw-small" type="button" onClick={onNext}>
          {labeled ? "Another row" : "Shuffle"}
        </button>
      </div>
      <RowText
        preview={preview}
        columns={columns}
        label={labeled ? "Text as read" : "Serialized row"}
      />
      {labeled && <LabelChips label="Labels of the row" names={preview.labels} />}
      {all > 0 && (
        <p class="tw-label">
          {unread
            ? `${count(all - unread)} of ${count(all)} tokens are read`
            : `${count(all)} tokens`}
          {learned && (
            <>
              ; those <span class="tw-token-learned">underlined</span> are learned, the others only
              read
            </>
          )}
        </p>
      )}
    </div>
  );
}
