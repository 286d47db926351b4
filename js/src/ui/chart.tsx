// An Altair chart: drawn once by vega-embed, then updated through its named dataset.
import { useEffect, useRef, useState } from "preact/hooks";
import type { View } from "vega";
import type { VisualizationSpec } from "vega-embed";
import type { Json } from "../core/protocol";
import { chartConfig, watchTheme } from "../core/theme";

/** Vega's log level that lets only errors through. */
const ERRORS = 1;

/** The module `charts.ts`, which comes as a bundle of its own. */
export type Drawing = typeof import("../charts");

export interface ChartProps {
  spec: Json;
  drawing: Drawing;
  /** Name of the dataset in the spec. */
  dataset: string;
  rows: readonly object[];
  /** Rows are appended while this is unchanged, and replaced when it changes. */
  revision?: number | string;
  /** Replace all rows at every change. */
  replace?: boolean;
  height: number;
  label: string;
}

// Lay out again at every change: axes made for empty data would clip later labels.
const AUTOSIZE = { type: "fit", contains: "padding", resize: true };

/** Fit a spec to the panel: its width and height, and the current rows. */
export function fitted(
  spec: Json,
  size: { width: number; height: number },
  datasets: Record<string, readonly object[]>,
): object {
  if (spec === null || typeof spec !== "object" || Array.isArray(spec)) {
    throw new Error("the kernel sent no chart");
  }
  return { ...spec, ...size, autosize: AUTOSIZE, datasets };
}

export function Chart(props: ChartProps) {
  const { spec, drawing, dataset, rows, revision, replace = false, height, label } = props;
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<View | null>(null);
  const drawn = useRef<{ revision: ChartProps["revision"]; count: number } | null>(null);
  const newest = useRef(props);
  newest.current = props;
  const [theme, setTheme] = useState(0);
  const [failure, setFailure] = useState("");

  useEffect(() => {
    let frame = 0;
    const stop = watchTheme(() => {
      cancelAnimationFrame(frame);
      // The new stylesheet applies from the next frame on.
      frame = requestAnimationFrame(() => setTheme((n) => n + 1));
    });
    return () => {
      cancelAnimationFrame(frame);
      stop();
    };
  }, []);

  useEffect(() => {
    const node = box.current;
    if (!node) return;
    let gone = false;
    let finalize = () => {};
    const size = { width: Math.max(120, node.clientWidth), height };
    const { revision: first, rows: begun } = newest.current;
    const chart = fitted(spec, size, { [dataset]: [...begun] });
    const { embed, expressionInterpreter } = drawing;
    embed(node, chart as VisualizationSpec, {
      actions: false,
      ast: true,
      expr: expressionInterpreter,
      renderer: "svg",
      tooltip: { theme: "custom" },
      config: chartConfig(node),
      defaultStyle: false,
      // An empty chart is no reason for a warning.
      logLevel: ERRORS,
    }).then(
      (result) => {
        if (gone) return result.finalize();
        finalize = () => result.finalize();
        view.current = result.view;
        drawn.current = { revision: first, count: begun.length };
        update(result.view);
      },
      (error: Error) => setFailure(error.message),
    );
    const observer = new ResizeObserver(() => {
      const now = Math.max(120, node.clientWidth);
      void view.current?.width(now).runAsync();
    });
    observer.observe(node);
    return () => {
      gone = true;
      observer.disconnect();
      view.current = null;
      finalize();
    };
  }, [spec, dataset, height, theme]);

  function update(target: View) {
    const now = newest.current;
    const last = drawn.current;
    const change = now.drawing.changeset();
    if (!last || now.replace || last.revision !== now.revision || now.rows.length < last.count) {
      change.remove(() => true).insert([...now.rows]);
    } else if (now.rows.length > last.count) {
      change.insert(now.rows.slice(last.count));
    } else {
      return;
    }
    drawn.current = { revision: now.revision, count: now.rows.length };
    void target.change(now.dataset, change).runAsync();
  }

  useEffect(() => {
    if (view.current) update(view.current);
  }, [rows, revision, replace]);

  return (
    // Vega sets the role and label of its own box; ours are on the figure around it.
    <figure
      class="tw-chart"
      aria-label={label}
      data-count={rows.length}
      style={{ minHeight: `${height}px` }}
    >
      <div ref={box} class="tw-chart-box" />
      {failure && <p role="alert">{failure}</p>}
    </figure>
  );
}
