import { render } from "preact";
import { useRef } from "preact/hooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { useVirtual, type Virtual, type VirtualList } from "../../src/ui/virtual";
import { clear, draw, host, resize } from "../bench";

const HEIGHT = 100;

let list: Virtual;

function List(props: Omit<VirtualList, "element"> & { measured?: boolean }) {
  const scroller = useRef<HTMLDivElement>(null);
  list = useVirtual({ ...props, element: () => scroller.current });
  return (
    <div ref={scroller} class="scroller">
      {list.items.map((item) => (
        <p key={item.key} data-index={item.index} ref={props.measured ? list.measure : undefined}>
          {item.index}
        </p>
      ))}
    </div>
  );
}

const shown = () => [...host.querySelectorAll("p")].map((p) => Number(p.textContent));
const drawn = () => new Promise((resolve) => setTimeout(resolve, 20));

async function scroll(to: number, axis: "scrollTop" | "scrollLeft" = "scrollTop") {
  const scroller = host.querySelector(".scroller") as HTMLElement;
  scroller[axis] = to;
  scroller.dispatchEvent(new Event("scroll"));
  await drawn();
}

beforeEach(() => resize(HEIGHT));

afterEach(() => {
  clear();
  resize();
});

describe("a virtual list", () => {
  it("draws the visible items and a few more", async () => {
    draw(<List count={336_776} size={20} overscan={2} />);
    await drawn();
    expect(list.total).toBe(336_776 * 20);
    expect(shown()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("draws other items after scrolling", async () => {
    draw(<List count={336_776} size={20} overscan={2} />);
    await drawn();
    await scroll(300_000 * 20);
    expect(shown()[0]).toBe(299_998);
    expect(shown()).toHaveLength(9);
  });

  it("runs along the horizontal axis", async () => {
    draw(<List count={50} size={50} horizontal overscan={1} />);
    await drawn();
    await scroll(500, "scrollLeft");
    expect(shown()).toEqual([9, 10, 11, 12]);
  });

  it("lays out items of different sizes", async () => {
    const size = (index: number) => (index === 0 ? 90 : 20);
    draw(<List count={10} size={size} overscan={0} />);
    await drawn();
    expect(list.total).toBe(90 + 9 * 20);
    expect(shown()).toEqual([0, 1]);
  });

  it("measures items whose size is an estimate", async () => {
    draw(<List count={10} size={20} overscan={0} measured />);
    await drawn();
    // The five that the estimate let in are as high as every element here.
    expect(list.total).toBe(5 * HEIGHT + 5 * 20);
    expect(shown()).toEqual([0]);
  });
});

describe("a change of the list", () => {
  it("follows the number of items", async () => {
    draw(<List count={1000} size={20} />);
    await drawn();
    render(<List count={3} size={20} />, host);
    await drawn();
    expect(shown()).toEqual([0, 1, 2]);
    expect(list.total).toBe(60);
  });

  it("lays the list out again when the size is another one", async () => {
    draw(<List count={1000} size={20} overscan={0} />);
    await drawn();
    render(<List count={1000} size={50} overscan={0} />, host);
    await drawn();
    expect(list.total).toBe(50_000);
    expect(shown()).toEqual([0, 1]);
  });
});
