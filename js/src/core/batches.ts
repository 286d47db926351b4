// Decode batches of loss points from float32 buffers, and detect missing batches.
import type { BatchMessage, CurvePoint } from "./protocol";

/** Numbers per point in the buffer: seconds, step, loss, 1 if validation. */
const STRIDE = 4;

export function decodePoints(buffer: DataView | undefined): CurvePoint[] {
  if (!buffer) return [];
  const points: CurvePoint[] = [];
  for (let at = 0; at + 4 * STRIDE <= buffer.byteLength; at += 4 * STRIDE) {
    const loss = buffer.getFloat32(at + 8, true);
    // A loss may overflow during training; charts cannot show it.
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

/** Classify a batch, given the run and the number of the next expected event. */
export function arrival(
  expected: { run: number; next: number } | null,
  batch: Pick<BatchMessage, "run" | "from" | "next">,
): Arrival {
  if (!expected || batch.run > expected.run) return batch.from === 0 ? "new run" : "gap";
  if (batch.run < expected.run || batch.next < expected.next) return "stale";
  if (batch.from > expected.next) return "gap";
  // A batch that overlaps would be drawn twice; an empty one still has new stats.
  return batch.from === expected.next ? "take" : "gap";
}
