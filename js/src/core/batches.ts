// Reads a batch of loss points from its float32 buffer and notices when batches are missing.
import type { BatchMessage, CurvePoint } from "./protocol";

/** Numbers per point in the buffer: seconds, step, loss, 1 if validation. */
const STRIDE = 4;

export function decodePoints(buffer: DataView | undefined): CurvePoint[] {
  if (!buffer) return [];
  const points: CurvePoint[] = [];
  for (let at = 0; at + 4 * STRIDE <= buffer.byteLength; at += 4 * STRIDE) {
    const loss = buffer.getFloat32(at + 8, true);
    // A loss may overflow while it trains; a chart has no place for it.
    if (!Number.isFinite(loss)) continue;
    points.push({
      seconds: buffer.getFloat32(at, true),
      step: buffer.getFloat32(at + 4, true),
      loss,
      split: buffer.getFloat32(at + 12, true) > 0.5 ? "validation" : "train",
    });
  }
  return points;
}

export type Arrival = "take" | "gap" | "stale" | "new run";

/** Says what to do with a batch, given the run and the event number expected next. */
export function arrival(
  known: { run: number; next: number } | null,
  batch: Pick<BatchMessage, "run" | "from" | "next">,
): Arrival {
  if (!known || batch.run > known.run) return batch.from === 0 ? "new run" : "gap";
  if (batch.run < known.run || batch.next < known.next) return "stale";
  if (batch.from > known.next) return "gap";
  // Events already held would be drawn twice; the stats of an empty batch are still news.
  return batch.from === known.next ? "take" : "gap";
}
