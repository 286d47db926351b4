import { afterEach, expect, test, vi } from "vitest";
import { importScript } from "../../src/core/script";

const SOURCE = "export const answer = 42;";

afterEach(() => vi.restoreAllMocks());

test("a script is sent once, and again only after it failed", async () => {
  // Node imports no blobs; the browser tests do.
  vi.spyOn(URL, "createObjectURL").mockReturnValue(`data:text/javascript,${SOURCE}`);
  let sent = 0;
  const send = async () => {
    sent += 1;
    if (sent === 1) throw new Error("no kernel");
    return new TextEncoder().encode(SOURCE);
  };
  await expect(importScript("sample", send)).rejects.toThrow("no kernel");
  for (let i = 0; i < 2; i += 1) {
    expect(await importScript("sample", send)).toHaveProperty("answer", 42);
  }
  expect(sent).toBe(2);
});
