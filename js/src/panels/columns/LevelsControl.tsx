// Evidence on a category: chips filled by predicted probability; several form a set.
import { useState } from "preact/hooks";
import type { Level } from "../../core/table";
import type { Evidence } from "../../inference/types";
import type { Use } from "../../inference/use";
import { level as levelText, share } from "../../ui/format";
import type { ControlProps } from "./Control";

// Beyond this many levels there is a search box.
const SHOWN = 8;

/** Levels that are chosen: those admitted, or those excluded. */
export function chosen(evidence: Evidence | null): Level[] {
  if (!evidence) return [];
  if (evidence.op === "is") return [evidence.value];
  return evidence.op === "in" || evidence.op === "not in" ? evidence.values : [];
}

/** The evidence of chosen levels. */
export function evidenceOf(levels: readonly Level[], use: Use): Evidence | null {
  const [only] = levels;
  if (only === undefined) return null;
  if (use === "not") return { op: "not in", values: [...levels] };
  return levels.length === 1 ? { op: "is", value: only } : { op: "in", values: [...levels] };
}

export function toggled(current: readonly Level[], level: Level): Level[] {
  return current.includes(level) ? current.filter((other) => other !== level) : [...current, level];
}

export function LevelsControl({ column, evidence, records, use, observed, onSet }: ControlProps) {
  const [search, setSearch] = useState("");
  const on = chosen(evidence);
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
  const total = column.histogram.reduce((sum, bar) => sum + bar.count, 0);
  const counts = new Map(column.histogram.map((bar) => [bar.label, bar.count / (total || 1)]));
  return (
    <fieldset class="tw-chips" aria-label={`${column.name} levels`}>
      {shown.map((one) => {
        const probability = evidence ? null : (likely.get(String(one)) ?? null);
        const picked = on.includes(one);
        const classes = ["tw-chip", picked && (use === "not" ? "tw-off" : "tw-on")];
        if (observed !== null && String(observed) === String(one)) classes.push("tw-seen");
        return (
          <button
            key={String(one)}
            type="button"
            class={classes.filter(Boolean).join(" ")}
            aria-pressed={picked}
            aria-label={`${column.name} = ${levelText(one)}`}
            style={{
              "--tw-fill": probability === null ? "0%" : `${probability * 100}%`,
              "--tw-data": `${(counts.get(String(one)) ?? 0) * 100}%`,
            }}
            onClick={() => onSet(evidenceOf(toggled(on, one), use))}
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
