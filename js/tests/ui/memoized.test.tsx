import { render } from "preact";
import { afterEach, describe, expect, it } from "vitest";
import { memoized } from "../../src/ui/memoized";
import { clear, draw, host } from "../bench";

let drawn = 0;
const View = memoized((props: { text: string; onClick: () => void }) => {
  drawn += 1;
  return (
    <button type="button" onClick={props.onClick}>
      {props.text}
    </button>
  );
});

afterEach(clear);

describe("a memoized view", () => {
  it("is drawn again for another value, not for another callback", () => {
    draw(<View text="a" onClick={() => {}} />);
    render(<View text="a" onClick={() => {}} />, host);
    expect(drawn).toBe(1);
    render(<View text="b" onClick={() => {}} />, host);
    expect([drawn, host.textContent]).toEqual([2, "b"]);
  });
});
