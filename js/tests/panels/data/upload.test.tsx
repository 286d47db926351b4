import { afterEach, describe, expect, it } from "vitest";
import { KernelError } from "../../../src/core/transport";
import { checkFile, MAX_BYTES, sendFile } from "../../../src/panels/data/upload";
import { button, clear, host, labeled, show } from "../../bench";
import { answer, asked, FakeModel, settle, state } from "../../model";

afterEach(clear);

/** Play the kernel; `fails` is a kind of request that it answers by an error. */
function kernel(fails = "") {
  const kinds: string[] = [];
  const received: number[] = [];
  let largest = 0;
  const request = async (kind: string, payload: object, buffers: ArrayBuffer[] = []) => {
    kinds.push(kind);
    if (kind === fails) throw new KernelError("the kernel said no");
    if (kind === "upload-open") return { upload: "u1", chunk_bytes: 4 };
    if (kind === "upload-append") {
      const bytes = new Uint8Array(buffers[0] as ArrayBuffer);
      largest = Math.max(largest, bytes.length);
      expect((payload as { offset: number }).offset).toBe(received.length);
      received.push(...bytes);
      return { received: received.length };
    }
    return {};
  };
  // biome-ignore lint/suspicious/noExplicitAny: a stand-in for all kinds of requests
  return { kinds, received, transport: { request } as any, largest: () => largest };
}

const text = (bytes: readonly number[]) => new TextDecoder().decode(new Uint8Array(bytes));
const file = (content: string, name = "toy.csv") => new File([content], name);

describe("an upload", () => {
  it("is sent in chunks of the kernel's size, with its progress", async () => {
    const { kinds, received, transport, largest } = kernel();
    const progress: number[] = [];
    const signal = new AbortController().signal;
    expect(await sendFile(transport, file("a,b\n1,2\n3"), signal, (n) => progress.push(n))).toBe(
      true,
    );
    expect(text(received)).toBe("a,b\n1,2\n3");
    expect(largest()).toBe(4);
    expect(progress).toEqual([4, 8, 9]);
    expect(kinds.at(-1)).toBe("upload-finish");
  });

  it("ends when canceled, and tells the kernel", async () => {
    const { kinds, received, transport } = kernel();
    const controller = new AbortController();
    const cancel = () => controller.abort();
    expect(await sendFile(transport, file("a,b\n1,2\n"), controller.signal, cancel)).toBe(false);
    expect(text(received)).toBe("a,b\n");
    expect(kinds.slice(-2)).toEqual(["upload-append", "upload-cancel"]);
  });

  it("cleans up after an error", async () => {
    const { kinds, transport } = kernel("upload-append");
    const signal = new AbortController().signal;
    await expect(sendFile(transport, file("a\n1\n"), signal, () => {})).rejects.toThrow("said no");
    expect(kinds).toEqual(["upload-open", "upload-append", "upload-cancel"]);
  });

  it("is refused before sending where it cannot succeed", () => {
    const big = Object.defineProperty(file("a", "big.csv"), "size", { value: MAX_BYTES * 1.5 });
    expect(() => checkFile(big)).toThrow(/big.csv has 300 MB.*at most 200 MB.*by its path/);
    expect(() => checkFile(file("a", "a.png"))).toThrow("is not a table");
    expect(() => checkFile(file(""))).toThrow("is empty");
  });
});

describe("the data panel", () => {
  async function choose(chosen: File): Promise<void> {
    host.querySelectorAll<HTMLInputElement>('[aria-label="Source"] input')[3]?.click();
    await settle();
    const input = labeled<HTMLInputElement>("File");
    Object.defineProperty(input, "files", { value: [chosen], configurable: true });
    input.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
  }

  it("shows the progress of an upload in place of the picker, and cancels it", async () => {
    const model = new FakeModel(state());
    show(model);
    await choose(file("a,b\n1,2\n"));
    expect(asked(model, "upload-open")).toEqual([{ name: "toy.csv", size: 8 }]);
    await answer(model, "upload-open", { upload: "u1", chunk_bytes: 4 });
    await answer(model, "upload-append", { received: 4 });
    const bar = labeled<HTMLProgressElement>("Upload of toy.csv");
    expect([bar.value, bar.max]).toEqual([4, 8]);
    expect(host.querySelector('[aria-label="Source"]')).toBeNull();
    button("Cancel").click();
    await answer(model, "upload-append", { received: 8 });
    expect(asked(model, "upload-cancel")).toEqual([{ upload: "u1" }]);
    expect(asked(model, "upload-finish")).toEqual([]);
    expect(host.querySelector('[aria-label="Source"]')).not.toBeNull();
    expect(host.querySelector('[role="alert"]')).toBeNull();
  });

  it("shows why an upload failed", async () => {
    const model = new FakeModel(state());
    show(model);
    await choose(file("a", "a.png"));
    expect(host.querySelector('[role="alert"]')?.textContent).toContain("a.png is not a table");
    expect(asked(model, "upload-open")).toEqual([]);
  });

  it("takes a dropped file", async () => {
    const model = new FakeModel(state());
    show(model);
    const drop = new Event("drop", { bubbles: true, cancelable: true });
    Object.defineProperty(drop, "dataTransfer", { value: { files: [file("a\n1\n")] } });
    host.querySelector(".tw-drop")?.dispatchEvent(drop);
    await settle();
    expect(asked(model, "upload-open")).toEqual([{ name: "toy.csv", size: 4 }]);
  });
});
