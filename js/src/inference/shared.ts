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

function sharedOf(store: Store): Shared {
  const known = shared.get(store) ?? new Shared(store);
  shared.set(store, known);
  return known;
}

/** The view's question, for those that change it but do not show it. */
export function questionOf(store: Store): QuestionState {
  return sharedOf(store).question;
}

/** A value read from the view's question; draws again only when the value is another one. */
export function useQuestionValue<T>(store: Store, read: (question: QuestionState) => T): T {
  const known = sharedOf(store);
  const [value, setValue] = useState(() => read(known.question));
  useEffect(() => {
    const update = () => setValue(() => read(known.question));
    // It may have changed between drawing and subscribing.
    update();
    return known.subscribe(update);
  }, [known]);
  return value;
}

/** The view's question; draws again whenever it changes. */
export function useQuestion(store: Store): QuestionState {
  const known = sharedOf(store);
  const [, draw] = useState(0);
  useEffect(() => {
    const update = () => draw((n) => n + 1);
    update();
    return known.subscribe(update);
  }, [known]);
  return known.question;
}
