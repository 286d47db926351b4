"""axe-core in a page: what it finds wrong inside the workbench."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.lab import HERE

AXE = HERE / "js" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Best practices of a whole page; the workbench is an output among others in somebody's notebook.
PAGE_RULES = [
    "bypass",
    "document-title",
    "heading-order",
    "html-has-lang",
    "landmark-one-main",
    "page-has-heading-one",
    "region",
]

RUN = """async ([tags, disabled]) => {
  const rules = Object.fromEntries(disabled.map((rule) => [rule, { enabled: false }]));
  const options = { runOnly: { type: "tag", values: tags }, rules, resultTypes: ["violations"] };
  const { violations } = await axe.run(document.querySelector(".tw-root"), options);
  return violations.map(({ id, help, nodes }) => ({
    id,
    help,
    nodes: nodes.map(({ target, html, any, all, none }) => ({
      target: target.join(" "),
      html: html.slice(0, 160),
      why: [...any, ...all, ...none].map(({ message }) => message).join("; ").slice(0, 240),
    })),
  }));
}"""


def violations(page: Page, shown: int = 3) -> list[str]:
    """Return what axe finds in the first workbench of the page, a line or more per rule."""
    if not page.evaluate("() => 'axe' in window"):
        page.add_script_tag(path=AXE)
    found: list[dict[str, Any]] = page.evaluate(RUN, [TAGS, PAGE_RULES])
    lines = []
    for one in found:
        lines.append(f"{one['id']}: {one['help']} ({len(one['nodes'])} elements)")
        lines += [f"  {node['html']}: {node['why']}" for node in one["nodes"][:shown]]
    return lines


def available() -> bool:
    """Return whether axe is installed in js/."""
    return Path(AXE).is_file()
