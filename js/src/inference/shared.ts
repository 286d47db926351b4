// The question that all panels of a view share.
import { useEffect, useState } from "preact/hooks";
import type { Store } from "../core/store";
import { QuestionState } from "./question";

/** Milliseconds without a change after which an answer counts as seen. */
const REST = 300;

class Shared {
  readonly question: QuestionState;
  readonly #listeners = new Set<() => void>();

  constructor(store: Store) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    this.question = new QuestionState(store.transport, () => {
      for (const listener of [...this.#listeners]) listener();
      clearTimeout(timer);
      timer = setTimeout(() => store.sawAnswer(this.question.answer?.number ?? 0), REST);
    });
    const adopt = () => {
      const { roles = {} } = store.slice("task");
      const ofTask = Object.keys(roles).find((column) => roles[column] === "target") ?? null;
      this.question.adopt(store.slice("query"), ofTask);
    };
    adopt();
    store.subscribe("query", adopt);
    store.subscribe("task", adopt);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

const shared = new WeakMap<Store, Shared>();

/** The view's question; draws again whenever it changes. */
export function useQuestion(store: Store): QuestionState {
  const [, draw] = useState(0);
  const known = shared.get(store) ?? new Shared(store);
  shared.set(store, known);
  useEffect(() => {
    // It may have changed between drawing and subscribing.
    draw((n) => n + 1);
    return known.subscribe(() => draw((n) => n + 1));
  }, [known]);
  return known.question;
}
