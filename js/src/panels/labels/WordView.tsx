// Word attributions: each word tinted by its effect on a label; arrow keys move between words.
import { useRef, useState } from "preact/hooks";
import { count } from "../../ui/format";
import { Truncated } from "../../ui/truncated";
import type { Attributions } from "./types";
import { countWords, describe, pieces, strength } from "./words";

const STEPS: Record<string, number> = {
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

export function WordView({
  words,
  stale,
}: {
  words: Attributions & { text: string };
  stale: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const cut = pieces(words.text, words.words, words.read);
  const stops = cut.filter(({ word }) => word);
  const last = stops.length - 1;
  const inside = (place: number) => Math.min(Math.max(place, 0), last);
  const stop = inside(pointed ?? 0);

  const move = (event: KeyboardEvent) => {
    const by = STEPS[event.key];
    if (by === undefined) return;
    event.preventDefault();
    box.current?.querySelectorAll<HTMLElement>("[tabindex]")[inside(stop + by)]?.focus();
  };

  const here = pointed === null ? undefined : stops[pointed];
  return (
    <div class={stale ? "tw-words tw-stale" : "tw-words"}>
      <p class="tw-legend tw-label">
        words <span class="tw-for">for {words.label}</span>{" "}
        <span class="tw-against">against it</span>
      </p>
      <div
        ref={box}
        class="tw-wordtext"
        role="listbox"
        tabIndex={-1}
        aria-label={`Word attributions for ${words.label}`}
        aria-busy={stale}
        onKeyDown={move}
        onMouseLeave={() => setPointed(null)}
      >
        {cut.map(({ text, word, truncated }, i) => {
          if (truncated) return <Truncated key={i} text={text} />;
          if (!word) return text;
          const label = describe(text, word, words);
          const place = words.words.indexOf(word);
          return (
            <span
              key={i}
              role="option"
              class={word.effect > 0 ? "tw-word tw-for" : "tw-word tw-against"}
              tabIndex={place === stop ? 0 : -1}
              aria-selected={place === pointed}
              aria-label={label}
              title={label}
              style={{ "--tw-strength": strength(word.effect, words.words).toFixed(3) }}
              onFocus={() => setPointed(place)}
              onMouseEnter={() => setPointed(place)}
            >
              {text}
            </span>
          );
        })}
      </div>
      {cut.some((piece) => piece.truncated) && (
        <p class="tw-label">
          {inputNote(countWords([...words.text].slice(0, words.read).join("")))}
        </p>
      )}
      <p class="tw-label tw-pointed">
        {here?.word
          ? describe(here.text, here.word, words)
          : "Point at a word to see the probability without it."}
      </p>
    </div>
  );
}

function inputNote(n: number): string {
  return n === 1
    ? "Only the first word is model input."
    : `Only the first ${count(n)} words are model input.`;
}
