// Draw only the visible items of a long list: a hook over TanStack's Virtualizer.
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
  Virtualizer,
  type VirtualizerOptions,
} from "@tanstack/virtual-core";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";

export type { VirtualItem } from "@tanstack/virtual-core";

export interface VirtualList {
  /** Number of items. */
  count: number;
  /**
   * Pixels of an item along the axis; an estimate for items that are measured. A new function
   * lays the list out again, so keep it between draws.
   */
  size: number | ((index: number) => number);
  /** The element that scrolls. */
  element: () => HTMLElement | null;
  horizontal?: boolean;
  /** Items drawn beyond each end of the visible part. */
  overscan?: number;
  /** Identity of an item, by which a measured size is kept when the order changes. */
  itemKey?: (index: number) => string | number;
  /** Pixels at each end that a sticky header or footer covers. */
  covered?: { start?: number; end?: number };
}

export interface Virtual {
  /** The items to draw, each with its `index`, `start` and `size`. */
  items: readonly VirtualItem[];
  /** Pixels of the whole list. */
  total: number;
  scrolling: boolean;
  /** As `ref` of an item with `data-index`: its size is measured, and followed. */
  measure: (node: Element | null) => void;
  /** Scroll an item into view; without `align`, no further than needed. */
  scrollTo: (index: number, align?: "auto" | "start" | "center" | "end") => void;
}

/** The visible items of a list; the component draws again whenever they change. */
export function useVirtual(list: VirtualList): Virtual {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const { size, covered } = list;
  const options: VirtualizerOptions<HTMLElement, Element> = {
    count: list.count,
    getScrollElement: list.element,
    estimateSize: typeof size === "number" ? () => size : size,
    horizontal: list.horizontal ?? false,
    overscan: list.overscan ?? 4,
    scrollPaddingStart: covered?.start ?? 0,
    scrollPaddingEnd: covered?.end ?? 0,
    ...(list.itemKey && { getItemKey: list.itemKey }),
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => draw(undefined),
  };
  const [virtualizer] = useState(() => new Virtualizer(options));
  virtualizer.setOptions(options);

  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  // At each draw: the element may be another one.
  useLayoutEffect(() => virtualizer._willUpdate());
  const laidOut = useRef(size);
  useEffect(() => {
    if (laidOut.current === size) return;
    laidOut.current = size;
    virtualizer.measure();
  }, [size, virtualizer]);

  return {
    items: virtualizer.getVirtualItems(),
    total: virtualizer.getTotalSize(),
    scrolling: virtualizer.isScrolling,
    measure: virtualizer.measureElement,
    scrollTo: (index, align = "auto") => virtualizer.scrollToIndex(index, { align }),
  };
}
