import { afterEach, describe, expect, it } from "vitest";
import { JointMap, side } from "../../../src/panels/query/JointMap";
import { clear, draw, host } from "../../bench";
import { answerSummary } from "../../model";

const JOINT = [
  { x: 1, y: "b", probability: 0.5 },
  { x: 2, y: "b", probability: 0.25 },
  { x: 1, y: "a", probability: 0.25 },
  { x: 2, y: "a", probability: 0 },
];

afterEach(clear);

describe("a map of two columns", () => {
  it("has each value once along its side, in the records' order", () => {
    expect(side(JOINT, "x")).toEqual([1, 2]);
    expect(side(JOINT, "y")).toEqual(["b", "a"]);
    expect(side([], "x")).toEqual([]);
    const answers = [true, false, true].map((x) => ({ x, y: 0, probability: 0.5 }));
    expect(side(answers, "x")).toEqual([true, false]);
  });

  it("puts every pair in its cell, the most probable in full color", () => {
    draw(<JointMap answer={answerSummary({ target: "g", second: "n", joint: JOINT })} />);
    const cells = [...host.querySelectorAll("rect")].map((cell) => [
      cell.getAttribute("x"),
      cell.getAttribute("y"),
      cell.querySelector("title")?.textContent,
    ]);
    expect(cells).toEqual([
      ["0", "0", "b, 1: 50%"],
      ["1", "0", "b, 2: 25%"],
      ["0", "1", "a, 1: 25%"],
      ["1", "1", "a, 2: 0%"],
    ]);
    const filled = [...host.querySelectorAll<SVGElement>("rect")].map((cell) =>
      Number(cell.style.fillOpacity),
    );
    expect([filled[0], filled[3]]).toEqual([1, 0]);
    expect(filled[1]).toBeCloseTo(0.5 ** 0.6);
    expect(host.querySelector("figcaption")?.textContent).toBe("n across, g down");
  });

  it("names only some of many values", () => {
    const joint = Array.from({ length: 30 }, (_, x) => ({ x, y: "a", probability: 1 / 30 }));
    draw(<JointMap answer={answerSummary({ second: "n", joint })} />);
    const names = [...host.querySelectorAll(".tw-joint-x span")].map((one) => one.textContent);
    expect(names).toHaveLength(30);
    expect(names.filter(Boolean)).toEqual("0 3 6 9 12 15 18 21 24 27".split(" "));
  });
});
