// Scripts that the kernel sends when they are needed first; nothing is fetched from elsewhere.

const imported = new Map<string, Promise<unknown>>();

/** Import a module, once in a page for each name: `send` gives its source, if it is not known. */
export function importScript<Module>(
  name: string,
  send: () => Promise<BufferSource>,
): Promise<Module> {
  const known = imported.get(name);
  if (known) return known as Promise<Module>;
  const module = send().then(importSource);
  imported.set(name, module);
  // The kernel may answer the next time.
  module.catch(() => imported.delete(name));
  return module;
}

function importSource(source: BufferSource) {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return import(/* @vite-ignore */ url).finally(() => URL.revokeObjectURL(url));
}
