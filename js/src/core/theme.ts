// Detect light and dark themes, follow changes, and style charts in the page's colors.

export type Theme = "light" | "dark";

/** Brightness of a computed CSS color, 0 to 1; null if transparent or unknown. */
export function brightness(color: string): number | null {
  const parts = color.match(/[\d.]+/g)?.map(Number) ?? [];
  const [r, g, b, alpha] = parts;
  if (r === undefined || g === undefined || b === undefined || alpha === 0) return null;
  const scale = color.startsWith("color(") ? 1 : 255;
  return (0.299 * r + 0.587 * g + 0.114 * b) / scale;
}

/** The theme around an element: light text means a dark page, in every host. */
export function themeOf(element: HTMLElement): Theme {
  const flag = document.body.dataset.jpThemeLight;
  if (flag) return flag === "true" ? "light" : "dark";
  const text = brightness(getComputedStyle(element.parentElement ?? document.body).color);
  return text !== null && text > 0.5 ? "dark" : "light";
}

/** Call `changed` when the page's theme may have changed; returns a function that stops. */
export function watchTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  const attributes = ["data-jp-theme-light", "data-jp-theme-name", "class", "theme", "style"];
  for (const node of [document.body, document.documentElement]) {
    observer.observe(node, { attributes: true, attributeFilter: attributes });
  }
  const media = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  media?.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    media?.removeEventListener("change", changed);
  };
}

/** A Vega config in the element's current colors and fonts. */
export function chartConfig(element: HTMLElement): Record<string, unknown> {
  const style = getComputedStyle(element);
  const read = (name: string, otherwise: string) =>
    style.getPropertyValue(name).trim() || otherwise;
  const text = read("--tw-text-2", "#555");
  const line = read("--tw-line", "#ddd");
  const font = style.fontFamily || "sans-serif";
  return {
    background: "transparent",
    font,
    view: { stroke: null },
    axis: {
      labelColor: text,
      titleColor: text,
      tickColor: line,
      domainColor: line,
      gridColor: line,
      gridOpacity: 0.6,
      labelFontSize: 11,
      titleFontSize: 11,
      titleFontWeight: "normal",
      labelLimit: 160,
    },
    legend: { labelColor: text, titleColor: text, labelFontSize: 11, titleFontSize: 11 },
    title: { color: text },
    text: { color: text },
    range: { category: [read("--tw-accent", "#2a6fdb"), read("--tw-second", "#e07b39")] },
    mark: { color: read("--tw-accent", "#2a6fdb") },
  };
}
