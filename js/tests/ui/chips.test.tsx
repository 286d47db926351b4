import { afterEach, describe, expect, it } from "vitest";
import { LabelChips } from "../../src/ui/chips";
import stylesheet from "../../src/ui/controls.css?raw";
import { clear, draw, host } from "../bench";

afterEach(clear);

describe("a label chip", () => {
  it("breaks the label anywhere, and the mark beside it nowhere", () => {
    const sheet = document.createElement("style");
    sheet.textContent = stylesheet;
    document.head.append(sheet);
    draw(
      <div class="tw-root">
        <LabelChips label="True" names={["a".repeat(150)]} found={() => false} />
      </div>,
    );
    const style = (mark: string) => getComputedStyle(host.querySelector(mark) as Element);
    expect(style(".tw-truth > span").overflowWrap).toBe("anywhere");
    expect(style(".tw-verdict").overflowWrap).not.toBe("anywhere");
    expect(style(".tw-verdict").flexShrink).toBe("0");
    sheet.remove();
  });
});
