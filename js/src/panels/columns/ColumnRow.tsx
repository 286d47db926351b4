// One column of the rail: its name, which asks; its control; and a menu for the rest.
import { useState } from "preact/hooks";
import type { ColumnSummary, Level } from "../../core/table";
import type { DistributionRecord, Evidence } from "../../inference/types";
import { type Use, useOf, usesOf } from "../../inference/use";
import { Histogram } from "../../ui/bars";
import { colorOf } from "../../ui/colors";
import { number } from "../../ui/format";
import { memoized } from "../../ui/memoized";
import { Badge, Name } from "../../ui/parts";
import { ColumnMenu } from "./ColumnMenu";
import { Control } from "./Control";

export interface ColumnRowProps {
  index: number;
  total: number;
  /** Pixels from the top of the list. */
  start: number;
  measure: (node: Element | null) => void;
  column: ColumnSummary;
  /** What to look out for, in words. */
  alerts: readonly string[];
  names: readonly string[];
  /** In the task, such as "target". */
  role: string;
  /** The model answers questions about columns. */
  asks: boolean;
  asked: "" | "target" | "second";
  target: string | null;
  evidence: Evidence | null;
  records: readonly DistributionRecord[] | null;
  /** Expected gain about the target; null if it is not shown. */
  bits: number | null;
  /** The greatest gain of all columns. */
  most: number;
  observed: Level | null;
  held: boolean;
  open: boolean;
  onOpen: () => void;
  onAsk: () => void;
  onSecond: (on: boolean) => void;
  onSet: (evidence: Evidence | null) => void;
  onHold: (positions: number[]) => void;
  onDeclare: (change: { kind?: string; role?: string }) => void;
}

export const ColumnRow = memoized((props: ColumnRowProps) => {
  const { column, asked, evidence, bits } = props;
  const [wish, setWish] = useState<Use | null>(null);
  const use = useOf(evidence, column.kind) ?? wish ?? usesOf(column.kind)[0] ?? "is";
  const usable = column.role !== "ignored";
  const controls = props.asks && usable && !asked;
  const classes = ["tw-column", asked && "tw-asked", evidence && "tw-set", !usable && "tw-ignored"];
  return (
    <li
      ref={props.measure}
      data-index={props.index}
      aria-posinset={props.index + 1}
      aria-setsize={props.total}
      class={classes.filter(Boolean).join(" ")}
      style={{
        "--tw-hue": colorOf(column.name, props.names),
        transform: `translateY(${props.start}px)`,
      }}
    >
      <div class="tw-column-head">
        {column.role === "feature" && props.asks ? (
          <button
            class="tw-column-name"
            type="button"
            aria-label={`Ask for ${column.name}`}
            aria-pressed={asked !== ""}
            title={asked ? "is asked" : `ask for ${column.name}`}
            onClick={(event) => {
              const together = event.shiftKey || event.metaKey || event.ctrlKey;
              if (together && props.target && !asked) props.onSecond(true);
              else if (asked === "second") props.onSecond(false);
              else props.onAsk();
            }}
          >
            <Name text={column.name} />
          </button>
        ) : (
          <span class="tw-column-name">
            <Name text={column.name} />
          </span>
        )}
        {asked ? (
          <span class="tw-tag">{asked === "target" ? "asked" : "asked too"}</span>
        ) : (
          props.role && <span class="tw-tag">{props.role}</span>
        )}
        {bits !== null && !asked && (
          <span class="tw-bits" title="expected gain about the target, in bits">
            <span style={{ width: `${(bits / (props.most || 1)) * 100}%` }} />
            <b>{number(bits, 2)}</b>
          </span>
        )}
        <span class="tw-column-end">
          {props.alerts.length > 0 && (
            <span
              class="tw-alert"
              role="img"
              aria-label={props.alerts.join("; ")}
              title={props.alerts.join("; ")}
            >
              !
            </span>
          )}
          <Badge kind={column.kind} />
          <button
            class="tw-icon"
            type="button"
            aria-label={`Clear ${column.name}`}
            title="clear the evidence"
            disabled={!evidence}
            onClick={() => props.onSet(null)}
          >
            ×
          </button>
          <button
            class="tw-icon"
            type="button"
            aria-label={`More about ${column.name}`}
            aria-expanded={props.open}
            title="more"
            onClick={props.onOpen}
          >
            ⋯
          </button>
        </span>
      </div>
      {controls && (
        <Control
          column={column}
          evidence={evidence}
          records={props.records}
          use={use}
          observed={props.observed}
          held={props.held}
          onSet={props.onSet}
          onHold={props.onHold}
        />
      )}
      {!controls && !asked && column.histogram.length > 0 && (
        <div class="tw-plain">
          <Histogram column={column} />
        </div>
      )}
      {column.note && <p class="tw-column-note">{column.note}</p>}
      {props.open && (
        <ColumnMenu
          {...props}
          use={use}
          onUse={(next) => {
            setWish(next);
            if (evidence && next !== use) props.onSet(null);
          }}
        />
      )}
    </li>
  );
});
