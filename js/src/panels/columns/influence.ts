// How much each column would tell about the target, computed in parts once a question rests.
import { useEffect, useState } from "preact/hooks";
import type { Store } from "../../core/store";
import type { QuestionState } from "../../inference/question";

/** Milliseconds without a new answer, so that a dragged slider is not slowed down. */
const REST = 250;

/** Bits by column; empty until they are wanted and computed. */
export function useInfluence(
  store: Store,
  question: QuestionState,
  wanted: boolean,
): Record<string, number> {
  const [found, setFound] = useState<{ of: number; bits: Record<string, number> } | null>(null);
  const of = question.answer?.number ?? 0;
  useEffect(() => {
    if (!wanted || !of) return;
    let over = false;
    const next = async (columns?: string[]): Promise<void> => {
      const part = await store.transport.request("influence", columns ? { columns } : {});
      if (over) return;
      setFound((before) => ({
        of,
        bits: before?.of === of ? { ...before.bits, ...part.bits } : part.bits,
      }));
      if (part.rest.length) await next(part.rest);
    };
    const timer = setTimeout(() => next().catch(() => {}), REST);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [of, wanted, store]);
  return found?.bits ?? {};
}
