// A stable color per column: its position in the table selects one of twelve hues.

/** Number of hues in the stylesheet, light and dark: --tw-hue-0 … --tw-hue-11. */
export const HUES = 12;

export function hueOf(column: string, columns: readonly string[]): number {
  const place = columns.indexOf(column);
  return place < 0 ? 0 : place % HUES;
}

export function colorOf(column: string, columns: readonly string[]): string {
  return `var(--tw-hue-${hueOf(column, columns)})`;
}

/** A color per level of the column that is asked for. */
export function levelColor(place: number): string {
  return `var(--tw-hue-${place % HUES})`;
}
