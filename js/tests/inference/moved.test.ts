import { describe, expect, it } from "vitest";
import { distance, moves } from "../../src/inference/moved";

const of = (shares: Record<string, number>) =>
  Object.entries(shares).map(([value, probability]) => ({ value, probability }));

describe("the distance of two distributions", () => {
  it("is the share that moved, whatever the order of the levels", () => {
    expect(distance(of({ a: 0.75, b: 0.25 }), of({ b: 0.75, a: 0.25 }))).toBe(0.5);
    expect(distance(of({ a: 0.5, b: 0.5 }), of({ b: 0.5, a: 0.5 }))).toBe(0);
  });

  it("is whole when no level is in both", () => {
    expect(distance(of({ a: 1 }), of({ b: 1 }))).toBe(1);
  });
});

describe("the columns that moved", () => {
  it("are those that moved most, without those that hardly did", () => {
    const before = of({ a: 1, b: 0 });
    const to = (share: number) => of({ a: 1 - share, b: share });
    const survey = { little: to(0.25), still: to(0.04), most: to(0.75), some: to(0.5) };
    const old = { little: before, still: before, most: before, some: before };
    expect(moves(old, survey, 9)).toEqual([
      { column: "most", shift: 0.75 },
      { column: "some", shift: 0.5 },
      { column: "little", shift: 0.25 },
    ]);
    const all = { ...survey, another: to(0.375) };
    const names = moves({ ...old, another: before }, all).map(({ column }) => column);
    expect(names).toEqual(["most", "some", "another"]);
    expect(moves(old, survey, 1).map(({ column }) => column)).toEqual(["most"]);
  });

  it("are not those that were not known before", () => {
    expect(moves({}, { x: of({ a: 1 }) })).toEqual([]);
  });
});
