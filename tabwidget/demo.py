"""The main job with no browser: fit penguins in seconds, ask, write a picture and a report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import pandas as pd
import vl_convert

from tabwidget import charts, datasets
from tabwidget.callbacks import TqdmCallback
from tabwidget.config import TrainingConfig
from tabwidget.errors import DataFileError
from tabwidget.events import TrainingState
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.formula import parse
from tabwidget.inference.query import Query
from tabwidget.model import TabularLanguageModel

__all__ = ["Findings", "run"]

TARGET = "species"
KNOWN = ("bill_length_mm", "flipper_length_mm")
QUESTIONS = (
    "species | bill_length_mm=39.1, flipper_length_mm=181",
    "body_mass_g | species=Gentoo, sex=female, bill_length_mm in [44, 48]",
    "species | island in {Dream, Biscoe}, body_mass_g<4000",
    "sex | species=Gentoo, body_mass_g>5400",
)
HELD_OUT = 0.25

# Colors that follow the page, light or dark.
_ON_PAGE: dict[str, Any] = {
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "domainColor": "currentColor",
        "tickColor": "currentColor",
        "gridColor": "currentColor",
        "gridOpacity": 0.12,
    },
    "legend": {"labelColor": "currentColor", "titleColor": "currentColor"},
    "title": {"color": "currentColor"},
}


@dataclass(frozen=True)
class Findings:
    """What one demo found.

    Attributes
    ----------
    n_learned, n_held_out : int
        Rows to learn from, and rows never shown to the model.
    accuracy : float
        Share of the validation rows whose species is named right from bill and flipper lengths.
    state : TrainingState
        How the fit went.
    answers : list of (Query, Distribution)
        What was asked, and the answers.
    """

    n_learned: int
    n_held_out: int
    accuracy: float
    state: TrainingState
    answers: list[tuple[Query, Distribution]]


def run(folder: str | Path = "tabwidget-demo", *, seconds: float = 10) -> Findings:
    """Fit the penguins, print a few conditionals, and write a picture and an HTML report.

    Parameters
    ----------
    folder : str or Path, default "tabwidget-demo"
        Made if it is missing; gets ``picture.png`` and ``report.html``.
    seconds : float, default 10
        Seconds to train.

    Returns
    -------
    Findings
        Everything that the report says.

    Raises
    ------
    DataFileError
        If `folder` cannot be made.
    """
    began = time.monotonic()
    folder = _made(Path(folder))
    penguins = datasets.load("penguins")
    held_out = penguins.sample(frac=HELD_OUT, random_state=0)
    learned = penguins.drop(held_out.index)
    print(f"penguins: {len(learned)} rows to learn from, {len(held_out)} held out")
    training = TrainingConfig(max_seconds=seconds)
    lm = TabularLanguageModel(training=training, callbacks=[TqdmCallback()], random_state=0)
    lm.fit(learned, target_cols=[TARGET])

    answers = []
    for question in QUESTIONS:
        query = parse(question, lm.schema)
        answer = lm.conditional(query.targets[0], query.given)
        _, *bars = str(answer).splitlines()
        print(f"\np({query})", *bars, sep="\n")
        answers.append((query, answer))

    asked = held_out.dropna(subset=[*KNOWN, TARGET])
    accuracy = _accuracy(lm, asked)
    print(f"\nspecies from {' and '.join(KNOWN)} alone, {len(asked)} validation rows:")
    print(f"accuracy {accuracy:.3f}")

    found = Findings(len(learned), len(asked), accuracy, lm.state, answers)
    picture, report = folder / "picture.png", folder / "report.html"
    picture.write_bytes(_picture(found))
    report.write_text(_report(found), encoding="utf-8")
    print(f"\nwrote {picture} and {report}; {time.monotonic() - began:.1f} s in all")
    return found


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataFileError(
            f"the folder {str(folder)!r} cannot be made ({error.strerror}): name another"
        ) from error
    return folder


def _accuracy(lm: TabularLanguageModel, rows: pd.DataFrame) -> float:
    probabilities = lm.predict_proba_many(rows[list(KNOWN)], TARGET)
    named = lm.schema[TARGET].support[probabilities.argmax(axis=1)]
    return float((named == rows[TARGET].to_numpy(dtype=object)).mean())


def _answer_specs(found: Findings) -> list[dict[str, Any]]:
    """Return one chart an answer as Vega-Lite, each over a dataset of its own."""
    specs: list[dict[str, Any]] = []
    for number, (_, answer) in enumerate(found.answers):
        chart = charts.distribution_chart(
            answer.records(), target=answer.target, kind=answer.kind, name=f"answer-{number}"
        )
        specs.append(chart.to_dict())
    return specs


def _picture(found: Findings) -> bytes:
    """Return the answers side by side as a PNG."""
    panels: list[dict[str, Any]] = []
    data: dict[str, Any] = {}
    config: dict[str, Any] = {}
    for (query, _), spec in zip(found.answers, _answer_specs(found), strict=True):
        # Only the outermost specification may hold these three.
        spec.pop("$schema", None)
        data |= spec.pop("datasets", {})
        config = _merged(config, spec.pop("config", {}))
        head = {"text": str(query), "anchor": "start", "fontSize": 12, "fontWeight": "normal"}
        panels.append({**spec, "title": head, "width": 380, "height": 160})
    grid = {
        "concat": panels,
        "columns": 2,
        "spacing": 32,
        "padding": 24,
        "datasets": data,
        "config": {**config, "background": "white"},
    }
    return vl_convert.vegalite_to_png(grid, scale=2)


def _svg(spec: dict[str, Any], width: int, height: int) -> str:
    """Return a chart as inline SVG whose text and lines take the page's color."""
    config = _merged(spec.get("config", {}), _ON_PAGE)
    svg = vl_convert.vegalite_to_svg({**spec, "width": width, "height": height, "config": config})
    # Inside HTML the namespaces are known, and the report then holds no address at all.
    for namespace in ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"):
        svg = svg.replace(f' xmlns="{namespace}"', "").replace(f' xmlns:xlink="{namespace}"', "")
    return svg


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _report(found: Findings) -> str:
    """Return the findings as one HTML page: no script, no address, light and dark."""
    losses = charts.loss_chart([dict(point) for point in found.state.curve])
    drawn = [_svg(spec, 340, 150) for spec in _answer_specs(found)]
    figures = "\n".join(
        f"<figure><figcaption><code>{escape(str(query))}</code></figcaption>{svg}</figure>"
        for (query, _), svg in zip(found.answers, drawn, strict=True)
    )
    return _PAGE.substitute(
        seconds=f"{found.state.seconds:.1f}",
        learned=found.n_learned,
        held_out=found.n_held_out,
        parameters=_parameters(found.state),
        accuracy=f"{found.accuracy:.1%}",
        known=escape(" and ".join(KNOWN)),
        loss=_svg(losses.to_dict(), 800, 200),
        figures=figures,
        python=escape(_python(found)),
    )


def _parameters(state: TrainingState) -> str:
    return "" if state.start is None else f" of {state.start.n_parameters:,} parameters"


def _python(found: Findings) -> str:
    queries = [query for query, _ in found.answers]
    start = found.state.start
    training = TrainingConfig(max_seconds=None if start is None else start.budget_seconds)
    ours = {"TabularLanguageModel", "TrainingConfig", "datasets"}
    names = ", ".join(sorted(ours.union(*(query.imports for query in queries))))
    asked = "\n".join(query.to_python() for query in queries)
    return (
        f"from tabwidget import {names}\n\n"
        'penguins = datasets.load("penguins")\n'
        f"held_out = penguins.sample(frac={HELD_OUT}, random_state=0)\n"
        f"lm = TabularLanguageModel(training={training!r}, random_state=0)\n"
        f"lm.fit(penguins.drop(held_out.index), target_cols=[{TARGET!r}])\n"
        f"{asked}\n"
    )


_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tabwidget: penguins in $seconds seconds</title>
<style>
:root { color-scheme: light dark; --page: #fdfdfc; --ink: #1c2024; --soft: #60646c;
        --line: #e4e5e8; --card: #ffffff; --accent: #2f6fce; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14161a; --ink: #e9eaed; --soft: #a0a5ae; --line: #2b2f36;
          --card: #1b1e23; --accent: #7fb0f5; }
}
body { margin: 0; background: var(--page); color: var(--ink);
       font: 16px/1.6 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 3.5rem 1.5rem 5rem; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 3rem 0 0.75rem; }
p { max-width: 40rem; margin: 0 0 1rem; }
.soft, footer { color: var(--soft); }
.score { display: flex; gap: 1.25rem; align-items: center; margin: 2rem 0 0; }
.score b { font-size: 3rem; line-height: 1; letter-spacing: -0.03em; color: var(--accent);
           white-space: nowrap; }
.score span { max-width: 24rem; }
.answers { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); }
@media (max-width: 30rem) { .answers { grid-template-columns: 1fr; } }
figure, .loss { margin: 0; padding: 1rem 1.25rem; background: var(--card);
                border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
figcaption { margin-bottom: 0.75rem; }
svg { max-width: 100%; height: auto; display: block; }
code, pre { font: 0.85rem/1.55 ui-monospace, monospace; }
code { overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: 1rem 1.25rem; background: var(--card);
      border: 1px solid var(--line); border-radius: 10px; }
footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--line);
         font-size: 0.85rem; }
</style>
</head>
<body>
<main>
<h1>Penguins, learned in $seconds seconds</h1>
<p>A language model$parameters read $learned penguins on this computer. It now answers any column
from any of the others: every chart below is an exact probability, not a sample.</p>
<p class="score"><b>$accuracy</b> <span>of $held_out penguins it had never seen are named right,
from $known alone.</span></p>
<h2>How it learned</h2>
<p class="soft">Loss in nats a cell, on the rows it learned from and on rows it held out itself.</p>
<div class="loss">$loss</div>
<h2>What it answers</h2>
<p class="soft">Before the <code>|</code> stands what is asked, behind it what is known: values,
ranges or sets. A column that is not named is simply not known.</p>
<div class="answers">
$figures
</div>
<h2>The same in Python</h2>
<pre>$python</pre>
<footer>Made by <code>tabwidget demo</code>. The Palmer penguins were measured by Dr. Kristen Gorman
and the Palmer Station LTER.</footer>
</main>
</body>
</html>
""")
