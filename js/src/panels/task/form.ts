// The form for the settings of one kind of task: a file in `forms/` each.
import type { ComponentChildren, ComponentType } from "preact";
import type { ColumnSummary } from "../../core/table";
import type { TaskChange } from "./types";

// biome-ignore lint/suspicious/noExplicitAny: each form declares what the kernel sends for its kind
export interface FormProps<Settings = any, Offers = any> {
  settings: Settings;
  offers: Offers;
  columns: readonly ColumnSummary[];
  /** The fields that all tasks have; the form places them. */
  task: ComponentChildren;
  seconds: ComponentChildren;
  onChange: (change: TaskChange) => void;
}

export interface TaskForm {
  /** As in the slice. */
  kind: string;
  View: ComponentType<FormProps>;
  /** Whether a row as text can be previewed; always, if left out. */
  previews?(settings: FormProps["settings"], offers: FormProps["offers"]): boolean;
}
