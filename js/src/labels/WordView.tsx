// The text, each word tinted by what it does for the label in focus; arrows go from word to word.
import { useRef, useState } from "preact/hooks";
import type { Words } from "../shared/protocol";
import { pieces, said, strength } from "./words";

const STEPS: Record<string, number> = {
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

export function WordView({ words, stale }: { words: Words & { text: string }; stale: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const last = words.words.length - 1;
  const inside = (place: number) => Math.min(Math.max(place, 0), last);
  const stop = inside(pointed ?? 0);

  const move = (event: KeyboardEvent) => {
    const by = STEPS[event.key];
    if (by === undefined) return;
    event.preventDefault();
    box.current?.querySelectorAll<HTMLElement>("[role=option]")[inside(stop + by)]?.focus();
  };

  const line = (place: number) => {
    const word = words.words[place];
    return word && said([...words.text].slice(word.start, word.end).join(""), word, words);
  };
  let place = -1;
  return (
    <div class={stale ? "tw-words tw-stale" : "tw-words"}>
      <p class="tw-legend tw-label">
        words that speak <span class="tw-for">for {words.label}</span>{" "}
        <span class="tw-against">against it</span>
      </p>
      <div
        ref={box}
        class="tw-wordtext"
        role="listbox"
        tabIndex={-1}
        aria-label={`Words for ${words.label}`}
        aria-busy={stale}
        onKeyDown={move}
        onMouseLeave={() => setPointed(null)}
      >
        {pieces(words.text, words.words).map(({ text, word }, i) => {
          if (!word) return text;
          place += 1;
          const here = place;
          const label = said(text, word, words);
          return (
            <span
              key={i}
              role="option"
              class={word.effect > 0 ? "tw-word tw-for" : "tw-word tw-against"}
              tabIndex={here === stop ? 0 : -1}
              aria-selected={here === pointed}
              aria-label={label}
              title={label}
              style={{ "--tw-strength": strength(word.effect, words.words).toFixed(3) }}
              onFocus={() => setPointed(here)}
              onMouseEnter={() => setPointed(here)}
            >
              {text}
            </span>
          );
        })}
      </div>
      <p class="tw-label tw-pointed">
        {(pointed !== null && line(pointed)) || "Point at a word to see the text without it."}
      </p>
    </div>
  );
}
