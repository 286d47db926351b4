// Pages of the rows shown: what is on screen is fetched first, then what comes next.
import { Superseded, type Transport } from "../../core/transport";
import type { CellText } from "./types";

/** Rows of a page. */
export const PAGE = 100;

/** Columns of a page: a wide table is fetched in parts. */
export const COLUMNS = 24;

// Kept: about a hundred kilobytes each.
const MAX_PAGES = 48;

// Pages of one request.
const AT_ONCE = 4;

// Seconds of scrolling for which pages are fetched ahead.
const AHEAD = 0.3;

// Pages: more would come too late for where a fast scroll ends.
const MAX_AHEAD = 8;

// Rows of one step that is no scrolling.
const JUMP = 1000;

// Milliseconds after which scrolling begins anew.
const REST = 300;

// Weight of the newest speed in their moving average.
const NEWEST = 0.3;

export interface Page {
  positions: number[];
  cells: Record<string, CellText[]>;
}

/** The visible part of the grid, both ends inside. */
export interface Range {
  rows: [number, number];
  columns: [number, number];
}

export class Pages {
  readonly #transport: Transport;
  readonly #changed: () => void;
  readonly #pages = new Map<string, Page>();
  #version = -1;
  #total = 0;
  #names: readonly string[] = [];
  #range: Range | null = null;
  /** Rows per second, negative upwards. */
  #speed = 0;
  #lookedAt = 0;
  /** What is under way or waiting, so that it is not asked for twice. */
  #asked = "";

  constructor(transport: Transport, changed: () => void) {
    this.#transport = transport;
    this.#changed = changed;
  }

  /** Show another order of the rows: pages of the old one are dropped. */
  show(version: number, total: number, names: readonly string[]): void {
    this.#total = total;
    if (version === this.#version && names.join("\n") === this.#names.join("\n")) return;
    this.#version = version;
    this.#names = names;
    this.#pages.clear();
    this.#asked = "";
    this.#fetch();
  }

  /** The part on screen has changed. */
  look(range: Range): void {
    const now = performance.now();
    const rows = range.rows[0] - (this.#range?.rows[0] ?? range.rows[0]);
    // After a jump or a rest nothing is known of where it goes next.
    if (Math.abs(rows) > JUMP || now > this.#lookedAt + REST) this.#speed = 0;
    else if (rows !== 0) {
      const speed = (1000 * rows) / Math.max(1, now - this.#lookedAt);
      this.#speed += NEWEST * (speed - this.#speed);
    }
    this.#lookedAt = now;
    this.#range = range;
    this.#fetch();
  }

  /** The page of a row and a column; undefined while it is under way. */
  page(row: number, column: number): Page | undefined {
    return this.#pages.get(keyOf(Math.floor(row / PAGE), Math.floor(column / COLUMNS)));
  }

  /** A cell; undefined while its page is under way. */
  cell(row: number, column: number): CellText | undefined {
    const name = this.#names[column];
    return name === undefined ? undefined : this.page(row, column)?.cells[name]?.[row % PAGE];
  }

  /** Position in the table of a row shown; undefined while its pages are under way. */
  position(row: number): number | undefined {
    const at = Math.floor(row / PAGE);
    for (let block = 0; block * COLUMNS < this.#names.length; block++) {
      const page = this.#pages.get(keyOf(at, block));
      if (page) return page.positions[row % PAGE];
    }
    return undefined;
  }

  #fetch(): void {
    const wanted = this.#wanted();
    if (!wanted) return;
    const [first, last, block] = wanted;
    const asked = `${this.#version} ${first} ${last} ${block}`;
    if (asked === this.#asked) return;
    this.#asked = asked;
    const columns = this.#names.slice(block * COLUMNS, (block + 1) * COLUMNS);
    const payload = { from: first * PAGE, to: (last + 1) * PAGE, columns };
    this.#transport
      // A page that arrives is kept even if the grid has moved on.
      .latest("rows", payload, true)
      .then(
        ({ version, positions, cells }) => {
          if (version !== this.#version) return;
          for (let page = first; page <= last; page++) {
            const from = (page - first) * PAGE;
            this.#keep(keyOf(page, block), {
              positions: positions.slice(from, from + PAGE),
              cells: Object.fromEntries(
                Object.entries(cells).map(([name, all]) => [name, all.slice(from, from + PAGE)]),
              ),
            });
          }
          if (asked === this.#asked) this.#asked = "";
          this.#changed();
          this.#fetch();
        },
        (error: Error) => {
          // Asked for again when the grid moves, or at once if only a newer request replaced it.
          if (error instanceof Superseded && asked === this.#asked) this.#asked = "";
        },
      );
  }

  /** Pages to fetch next: the missing ones on screen, or else those ahead. */
  #wanted(): [first: number, last: number, block: number] | null {
    if (!this.#range || !this.#total || !this.#names.length) return null;
    const { rows, columns } = this.#range;
    const end = Math.floor((this.#total - 1) / PAGE);
    const top = Math.min(Math.floor(Math.max(0, rows[0]) / PAGE), end);
    const bottom = Math.min(Math.floor(rows[1] / PAGE), end);
    const reach = Math.ceil((Math.abs(this.#speed) * AHEAD) / PAGE);
    const ahead = Math.min(MAX_AHEAD, Math.max(1, reach));
    const blocks: number[] = [];
    const last = Math.min(columns[1], this.#names.length - 1);
    for (let b = Math.floor(columns[0] / COLUMNS); b * COLUMNS <= last; b++) blocks.push(b);
    const up = this.#speed < 0;
    const [from, by] = up ? [bottom, -1] : [top, 1];
    const seen = bottom - top + 1;
    for (const length of [seen, seen + ahead]) {
      for (const block of blocks) {
        const missing: number[] = [];
        for (let i = 0; i < length && missing.length < AT_ONCE; i++) {
          const page = from + i * by;
          if (page < 0 || page > end) break;
          if (!this.#pages.has(keyOf(page, block))) missing.push(page);
          else if (missing.length) break;
        }
        if (missing.length) return [Math.min(...missing), Math.max(...missing), block];
      }
    }
    return null;
  }

  #keep(key: string, page: Page): void {
    this.#pages.delete(key);
    this.#pages.set(key, page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MAX_PAGES) break;
      this.#pages.delete(oldest);
    }
  }
}

function keyOf(page: number, block: number): string {
  return `${page} ${block}`;
}
