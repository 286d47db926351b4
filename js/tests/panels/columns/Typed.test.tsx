import { render } from "preact";
import { afterEach, describe, expect, it, vi } from "vitest";
import { lineOf } from "../../../src/inference/ranges";
import { read, Typed } from "../../../src/panels/columns/Typed";
import { clear, draw, enter, host, labeled } from "../../bench";
import { column, settle } from "../../model";

const seconds = (time: string) => Date.parse(`${time}Z`) / 1000;

const WIDE = column("x", { low: -5000, high: 2_000_000 });
const WHOLE = column("n", { integer: true });
const DAYS = column("day", {
  kind: "datetime",
  low: seconds("2024-05-01T07:30:00"),
  high: seconds("2024-05-31T18:00:00"),
});

describe("a typed text", () => {
  const reading = (text: string, of = WIDE) => read(text, of, lineOf(of));

  it("is a number, with commas in thousands or before decimals", () => {
    const texts = ["1234.5", " 1,234.5 ", "1 234,5", "1,234,567", "1,234", "12,5", "−3", "1e3"];
    expect(texts.map((text) => reading(text))).toEqual([
      1234.5, 1234.5, 1234.5, 1_234_567, 1234, 12.5, -3, 1000,
    ]);
    expect(reading("  ")).toBeNull();
  });

  it("is refused in words", () => {
    for (const text of ["many", "1,23,4", "-", "_"]) {
      expect(() => reading(text)).toThrow(`“${text}” is not a number.`);
    }
    expect(() => reading("2.5", WHOLE)).toThrow("n has whole numbers only: 2.5 is none.");
    expect(() => reading("11", WHOLE)).toThrow(
      "The table's values run from 0 to 10: 11 is outside.",
    );
    expect(() => reading("-1", WHOLE)).toThrow("outside");
    expect([reading("0", WHOLE), reading("10", WHOLE)]).toEqual([0, 10]);
  });

  it("may be what the slider can be, whose ends are round", () => {
    const bill = column("bill", { low: 32.1, high: 59.51234567 });
    expect([reading("32", bill), reading("59.51235", bill)]).toEqual([32, 59.51235]);
    expect(() => reading("31.9", bill)).toThrow("run from 32.1 to 59.51235: 31.9 is outside");
  });

  it("is a day, up to those of the first and the last time", () => {
    expect(reading("2024-05-20", DAYS)).toBe(seconds("2024-05-20T00:00:00"));
    expect(reading("2024-05-01", DAYS)).toBe(seconds("2024-05-01T00:00:00"));
    expect(reading("2024-05-31", DAYS)).toBe(seconds("2024-05-31T00:00:00"));
    expect(() => reading("2024-04-30", DAYS)).toThrow("2024-05-01 to 2024-05-31: 2024-04-30 is");
    expect(() => reading("2024-06-01", DAYS)).toThrow("outside");
    expect(() => reading("2024-05-32", DAYS)).toThrow("is not a day such as 2024-05-31.");
  });
});

describe("the box of a number", () => {
  const onChange = vi.fn();
  const box = (value: number | null) => (
    <Typed label="box" column={WIDE} line={lineOf(WIDE)} value={value} onChange={onChange} />
  );
  const field = () => labeled<HTMLInputElement>("box");
  const alert = () => host.querySelector('[role="alert"]')?.textContent;

  async function type(text: string): Promise<void> {
    enter("box", text);
    await settle();
  }

  async function press(key: string): Promise<void> {
    field().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    await settle();
  }

  afterEach(() => {
    clear();
    onChange.mockClear();
  });

  it("takes what is typed with Enter or on leaving, and an empty one clears", async () => {
    draw(box(null));
    await type("1,5");
    expect(onChange).not.toHaveBeenCalled();
    await press("Enter");
    render(box(1.5), host);
    expect(field().value).toBe("1.5");
    await type("2");
    field().dispatchEvent(new FocusEvent("blur"));
    render(box(2), host);
    await type("");
    await press("Enter");
    expect(onChange.mock.calls).toEqual([[1.5], [2], [null]]);
  });

  it("takes what was typed just before Enter, and nothing twice", async () => {
    draw(box(3));
    enter("box", "4");
    await press("Enter");
    await press("Enter");
    field().dispatchEvent(new FocusEvent("blur"));
    await type("3.0");
    await press("Enter");
    expect(onChange.mock.calls).toEqual([[4]]);
  });

  it("keeps a draft when an answer arrives while it is typed", async () => {
    draw(box(1));
    await type("25");
    render(box(2), host);
    await settle();
    expect(field().value).toBe("25");
    await press("Enter");
    expect(onChange.mock.calls).toEqual([[25]]);
  });

  it("undoes with the first Escape, which goes no further", async () => {
    draw(box(1));
    const outside = vi.fn();
    host.addEventListener("keydown", outside);
    await type("25");
    await press("Escape");
    field().dispatchEvent(new FocusEvent("blur"));
    expect([field().value, outside.mock.calls.length]).toEqual(["1", 0]);
    expect(onChange).not.toHaveBeenCalled();
    await press("Escape");
    expect(outside).toHaveBeenCalledOnce();
  });

  it("says what is wrong until it is mended or undone", async () => {
    draw(box(1));
    await type("many");
    await press("Enter");
    expect(alert()).toBe("“many” is not a number.");
    expect(field().getAttribute("aria-invalid")).toBe("true");
    expect(field().getAttribute("aria-describedby")).toBe(host.querySelector('[role="alert"]')?.id);
    expect([field().value, onChange.mock.calls.length]).toEqual(["many", 0]);
    await press("Escape");
    expect(alert()).toBeUndefined();
    await type("many");
    await press("Enter");
    await type("7");
    await press("Enter");
    expect([alert(), onChange.mock.calls]).toEqual([undefined, [[7]]]);
  });
});
