// Scripts that the kernel sends when they are needed first; nothing is fetched from elsewhere.

const imported = new Map<string, Promise<unknown>>();

/** Import a module from its source, once in a page for each name. */
export function importScript<Module>(name: string, source: BufferSource): Promise<Module> {
  const known = imported.get(name);
  if (known) return known as Promise<Module>;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const module = import(/* @vite-ignore */ url).finally(() => URL.revokeObjectURL(url));
  imported.set(name, module);
  return module;
}
