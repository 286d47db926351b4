// What is laid over the cells on screen: predictions for missing ones, and the surprise of others.
import type { Transport } from "../../core/transport";

// Milliseconds without scrolling before anything is asked of the model.
const PAUSE = 150;

// Rows of one request.
const AT_ONCE = 60;

// Cells and rows that are remembered; the oldest are dropped.
const MAX_KEPT = 4000;

/** A visible row: its position in the table, and the columns of its missing cells. */
export interface VisibleRow {
  position: number;
  missing: string[];
}

export class Layers {
  /** Grows with each change. */
  revision = 0;
  readonly #transport: Transport;
  readonly #changed: () => void;
  readonly #predicted = new Map<string, string>();
  readonly #bits = new Map<number, Record<string, number>>();
  readonly #scored = new Set<number>();
  #model = 0;
  #surprise = false;
  #visible: readonly VisibleRow[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #predicting = false;
  #scoring = false;

  constructor(transport: Transport, changed: () => void) {
    this.#transport = transport;
    this.#changed = changed;
  }

  /** Follow the model: what another one said is dropped. 0 is none. */
  follow(model: number): void {
    if (model === this.#model) return;
    this.#model = model;
    this.#predicted.clear();
    this.#bits.clear();
    this.#scored.clear();
    this.#bump();
    this.#soon();
  }

  /** Show the surprise of cells, or no longer. */
  setSurprise(on: boolean): void {
    if (on === this.#surprise) return;
    this.#surprise = on;
    this.#bump();
    if (on) this.#soon();
    else this.#transport.request("surprise", { positions: [], on: false }).catch(() => {});
  }

  /** The rows on screen; asked about once scrolling pauses. */
  look(visible: readonly VisibleRow[]): void {
    this.#visible = visible;
    this.#soon();
  }

  /** The kernel has found out more in the background. */
  progress(): void {
    this.#predict();
    this.#score();
  }

  predicted(position: number, column: string): string | undefined {
    return this.#predicted.get(`${position} ${column}`);
  }

  /** Bits of a cell; undefined while unknown. */
  bits(position: number, column: string): number | undefined {
    return this.#surprise ? this.#bits.get(position)?.[column] : undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#predict();
      this.#score();
    }, PAUSE);
  }

  #predict(): void {
    if (!this.#model || this.#predicting) return;
    const unknown = (row: VisibleRow) =>
      row.missing.filter((column) => !this.#predicted.has(`${row.position} ${column}`));
    const rows = this.#visible.filter((row) => unknown(row).length).slice(0, AT_ONCE);
    if (!rows.length) return;
    const columns = [...new Set(rows.flatMap(unknown))];
    const positions = rows.map((row) => row.position);
    this.#predicting = true;
    this.#transport
      .request("predictions", { positions, columns })
      .then(
        ({ model, cells }) => {
          if (model !== this.#model || !cells.length) return;
          for (const { position, column, text } of cells) {
            keep(this.#predicted, `${position} ${column}`, text);
          }
          this.#bump();
        },
        () => {},
      )
      .finally(() => {
        this.#predicting = false;
      });
  }

  #score(): void {
    if (!this.#model || !this.#surprise || this.#scoring) return;
    const rows = this.#visible.map((row) => row.position).filter((row) => !this.#scored.has(row));
    if (!rows.length) return;
    this.#scoring = true;
    this.#transport
      .request("surprise", { positions: rows.slice(0, AT_ONCE) })
      .then(
        ({ model, columns, rows: found, scored }) => {
          if (model !== this.#model) return;
          for (const [position, bits] of Object.entries(found)) {
            const known: Record<string, number> = {};
            bits.forEach((one, i) => {
              const column = columns[i];
              if (one !== null && column !== undefined) known[column] = one;
            });
            keep(this.#bits, Number(position), known);
          }
          for (const row of scored) this.#scored.add(row);
          this.#bump();
        },
        () => {},
      )
      .finally(() => {
        this.#scoring = false;
      });
  }

  #bump(): void {
    this.revision += 1;
    this.#changed();
  }
}

function keep<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= MAX_KEPT) break;
    map.delete(oldest);
  }
}
