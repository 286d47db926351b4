import { afterEach, describe, expect, it } from "vitest";
import { RowText } from "../../../src/panels/task/RowText";
import type { Preview } from "../../../src/panels/task/types";
import { clear, draw, host } from "../../bench";

afterEach(clear);

describe("a serialized row", () => {
  const preview: Preview = {
    text: "𝒳:1|b:2",
    spans: [
      { column: "𝒳", name: [0, 1], value: [2, 3] },
      { column: "b", name: [4, 5], value: [6, 7] },
    ],
    row: 0,
    tokens: [],
    read: 7,
    labels: null,
  };

  it("is split into tokens, with those marked that enter the loss", () => {
    const tokens: Preview["tokens"] = [
      [2, false],
      [4, true],
      [6, false],
      [7, true],
    ];
    draw(<RowText preview={{ ...preview, tokens }} columns={["𝒳", "b"]} label="Row" />);
    expect(host.textContent).toBe("𝒳:1|b:2");
    const texts = (mark: string) => [...host.querySelectorAll(mark)].map((n) => n.textContent);
    // A name and the character after it are one token in two parts; only the second ends it.
    expect(texts(".tw-token")).toEqual(["𝒳", ":", "1", "|", "b", ":", "2"]);
    expect(texts(".tw-token-end")).toEqual([":", "|", ":", "2"]);
    expect(texts(".tw-token-learned")).toEqual(["1", "|", "2"]);
  });

  it("is split by code points, as in Python", () => {
    draw(<RowText preview={preview} columns={["𝒳", "b"]} label="Row" />);
    expect(host.textContent).toBe("𝒳:1|b:2");
    expect([...host.querySelectorAll(".tw-cell-value")].map((n) => n.textContent)).toEqual([
      "1",
      "2",
    ]);
  });
});
