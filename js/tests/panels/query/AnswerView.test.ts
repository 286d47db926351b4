import { describe, expect, it } from "vitest";
import { condensed } from "../../../src/panels/query/AnswerView";

describe("a distribution of many levels", () => {
  it("keeps the most likely in their order and sums the rest", () => {
    const records = Array.from({ length: 50 }, (_, i) => ({
      value: `v${i}`,
      probability: i / 1225,
    }));
    const rows = condensed(records);
    expect(rows).toHaveLength(20);
    expect(rows[0]?.value).toBe("v31");
    expect(rows.at(-1)?.value).toBe("31 others");
    expect(rows.reduce((sum, row) => sum + row.probability, 0)).toBeCloseTo(1);
  });
});
