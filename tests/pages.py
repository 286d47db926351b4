"""The documents: their code blocks, links, headings and commands."""

from __future__ import annotations

import re
from pathlib import Path

from tests.backends.text.fakes import save_tiny

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of one language, in order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run_python(page: Path) -> None:
    """Run a page's Python in the current folder, with short fits and tiny models."""
    code = blocks(page, "python")
    for name in set(re.findall(r'"(HuggingFaceTB/[\w.-]+)"', "".join(code))):
        # A folder of that name comes before the hub.
        save_tiny(Path(name))
    namespace: dict[str, object] = {"__name__": page.stem}
    for block in code:
        quick = re.sub(r"max_seconds=\d+", "max_seconds=0.1", block)
        exec(compile(quick, page.name, "exec"), namespace)


def broken_links(page: Path) -> list[str]:
    """Return the links to files and headings of this repository that lead nowhere."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r'\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"', text)
    broken = []
    for link in (markdown or html for markdown, html in links):
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        if "://" in link:
            continue
        if not target.exists() or (heading and heading not in _headings(target)):
            broken.append(link)
    return broken


def _headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
