// Where a key moves the active cell of a grid.

export interface Place {
  row: number;
  column: number;
}

export interface Size {
  rows: number;
  columns: number;
  /** Rows on screen. */
  page: number;
}

/** The cell that a key leads to; null if it is no key that moves. */
export function moved(key: string, far: boolean, { row, column }: Place, size: Size): Place | null {
  const to = (r: number, c: number): Place => ({
    row: Math.max(0, Math.min(size.rows - 1, r)),
    column: Math.max(0, Math.min(size.columns - 1, c)),
  });
  switch (key) {
    case "ArrowUp":
      return far ? to(0, column) : to(row - 1, column);
    case "ArrowDown":
      return far ? to(size.rows - 1, column) : to(row + 1, column);
    case "ArrowLeft":
      return far ? to(row, 0) : to(row, column - 1);
    case "ArrowRight":
      return far ? to(row, size.columns - 1) : to(row, column + 1);
    case "PageUp":
      return to(row - size.page, column);
    case "PageDown":
      return to(row + size.page, column);
    case "Home":
      return to(far ? 0 : row, 0);
    case "End":
      return to(far ? size.rows - 1 : row, size.columns - 1);
    default:
      return null;
  }
}

/** Whether a key types a letter, which begins an edit. */
export function types(event: KeyboardEvent): boolean {
  return [...event.key].length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey;
}
