// Evidence on a category: chips filled by predicted probability; several form a set.
import { useState } from "preact/hooks";
import type { Level } from "../../core/table";
import type { Evidence } from "../../inference/types";
import { level as levelText, share } from "../../ui/format";
import type { ControlProps } from "./Control";

// Beyond this many levels there is a search box.
const SHOWN = 12;

/** Levels that the evidence admits. */
export function chosen(evidence: Evidence | null, levels: readonly Level[]): Level[] {
  if (!evidence) return [];
  if (evidence.op === "is") return [evidence.value];
  if (evidence.op === "in") return evidence.values;
  if (evidence.op === "not in") return levels.filter((one) => !evidence.values.includes(one));
  return [];
}

export function toggled(current: readonly Level[], level: Level): Evidence | null {
  const next = current.includes(level)
    ? current.filter((other) => other !== level)
    : [...current, level];
  const [only] = next;
  if (only === undefined) return null;
  return next.length === 1 ? { op: "is", value: only } : { op: "in", values: next };
}

export function LevelsControl({ column, evidence, records, onSet }: ControlProps) {
  const [search, setSearch] = useState("");
  const on = chosen(evidence, column.levels);
  const likely = new Map(records?.map((record) => [String(record.value), record.probability]));
  const many = column.levels.length > SHOWN;
  const wanted = search.trim().toLowerCase();
  const matching = wanted
    ? column.levels.filter((one) => String(one).toLowerCase().includes(wanted))
    : column.levels;
  const ranked = many
    ? [...matching].sort(
        (a, b) =>
          Number(on.includes(b)) - Number(on.includes(a)) ||
          (likely.get(String(b)) ?? 0) - (likely.get(String(a)) ?? 0),
      )
    : matching;
  const shown = ranked.slice(0, SHOWN + on.length);
  return (
    <fieldset class="tw-chips" aria-label={`${column.name} levels`}>
      {shown.map((one) => {
        const probability = evidence ? null : (likely.get(String(one)) ?? null);
        return (
          <button
            key={String(one)}
            type="button"
            class={on.includes(one) ? "tw-chip tw-on" : "tw-chip"}
            aria-pressed={on.includes(one)}
            aria-label={`${column.name} = ${levelText(one)}`}
            style={{ "--tw-fill": probability === null ? "0%" : `${probability * 100}%` }}
            onClick={() => onSet(toggled(on, one))}
          >
            <span>{levelText(one)}</span>
            {probability !== null && <small>{share(probability)}</small>}
          </button>
        );
      })}
      {many && (
        <input
          class="tw-input tw-search"
          type="search"
          aria-label={`Search levels of ${column.name}`}
          placeholder={`${column.levels.length} levels: search…`}
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      )}
    </fieldset>
  );
}
