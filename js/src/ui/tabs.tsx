// Tabs over one region: buttons where there is room, a select where there is not.
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { Select } from "./parts";

export interface Tab {
  name: string;
  title: string;
  /** Drawn while the tab is chosen. */
  content: () => ComponentChildren;
}

export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const [chosen, setChosen] = useState("");
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const current = tabs.find((tab) => tab.name === chosen) ?? tabs[0];
  if (!current) return null;

  const move = (by: number) => {
    const at = (tabs.indexOf(current) + by + tabs.length) % tabs.length;
    setChosen(tabs[at]?.name ?? "");
    list.current?.querySelectorAll("button")[at]?.focus();
  };
  return (
    <div class="tw-tabs">
      {tabs.length > 1 && (
        <>
          <div ref={list} class="tw-tab-list" role="tablist" aria-label={label}>
            {tabs.map((tab) => (
              <button
                key={tab.name}
                id={`${id}-${tab.name}`}
                type="button"
                role="tab"
                aria-selected={tab === current}
                aria-controls={`${id}-panel`}
                tabIndex={tab === current ? 0 : -1}
                onClick={() => setChosen(tab.name)}
                onKeyDown={(event) => {
                  if (event.key === "ArrowRight") move(1);
                  else if (event.key === "ArrowLeft") move(-1);
                }}
              >
                {tab.title}
              </button>
            ))}
          </div>
          <div class="tw-tab-select">
            <Select
              label={label}
              value={current.name}
              options={tabs.map(({ name, title }) => ({ value: name, text: title }))}
              onChange={setChosen}
            />
          </div>
        </>
      )}
      <div
        id={`${id}-panel`}
        class="tw-tab-panel"
        {...(tabs.length > 1 && { role: "tabpanel", "aria-labelledby": `${id}-${current.name}` })}
      >
        {current.content()}
      </div>
    </div>
  );
}
