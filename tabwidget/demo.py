"""The command-line demo: penguins before and after training, with a plot and a report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import pandas as pd

from tabwidget import datasets
from tabwidget._formatting import format_gain, format_percent
from tabwidget.callbacks import TqdmCallback
from tabwidget.config import TrainingConfig
from tabwidget.errors import DataFileError
from tabwidget.events import TrainingState
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.formula import parse
from tabwidget.inference.query import Query
from tabwidget.model import TabularLanguageModel

__all__ = ["DemoResult", "run"]

TARGET = "species"
INPUTS = ("bill_length_mm", "flipper_length_mm")
FORMULAS = (
    "species | bill_length_mm=39.1, flipper_length_mm=181",
    "body_mass_g | species=Gentoo, sex=female, bill_length_mm in [44, 48]",
    "species | island in {Dream, Biscoe}, body_mass_g<4000",
    "sex | species=Gentoo, body_mass_g>5400",
)
VALIDATION_SHARE = 0.25

# Colors that follow the light or dark page.
_PAGE_CONFIG: dict[str, Any] = {
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
class DemoResult:
    """Result of one run of the demo.

    Attributes
    ----------
    n_train, n_validation : int
        Number of training rows, and of validation rows.
    accuracy_before, accuracy : float
        Accuracy of the species predicted from bill and flipper lengths on the validation rows,
        by the pretrained model alone and after training.
    state : TrainingState
        Final state of the fit.
    answers : list of (Query, Distribution)
        The queries and their distributions.
    gains : dict of str to float
        By column, the nats per validation cell that training added.
    """

    n_train: int
    n_validation: int
    accuracy_before: float
    accuracy: float
    state: TrainingState
    answers: list[tuple[Query, Distribution]]
    gains: dict[str, float]


def run(folder: str | Path = "tabwidget-demo", *, seconds: float = 10) -> DemoResult:
    """Ask about the penguins before and after training, and write a plot and an HTML report.

    Parameters
    ----------
    folder : str or Path, default "tabwidget-demo"
        Created if missing; gets ``picture.png`` and ``report.html``.
    seconds : float, default 10
        Training time in seconds.

    Returns
    -------
    DemoResult
        The content of the report.

    Raises
    ------
    DataFileError
        If `folder` cannot be created.
    """
    began = time.monotonic()
    folder = _create(Path(folder))
    penguins = datasets.load("penguins")
    validation = penguins.sample(frac=VALIDATION_SHARE, random_state=0)
    train = penguins.drop(validation.index)
    print(f"penguins: {len(train)} training rows, {len(validation)} validation rows")
    complete = validation.dropna(subset=[*INPUTS, TARGET])
    loaded = time.monotonic()
    # The pretrained model reads the rows; nothing is trained.
    lm = TabularLanguageModel(training=TrainingConfig(max_seconds=0), random_state=0).fit(train)
    query = parse(FORMULAS[0], lm.schema)
    _print(query, lm.conditional(query.targets[0], query.given))
    print(f"{time.monotonic() - loaded:.1f} s after loading, by the pretrained model")
    before = _accuracy(lm, complete)

    training = TrainingConfig(max_seconds=seconds)
    lm = TabularLanguageModel(training=training, callbacks=[TqdmCallback()], random_state=0)
    print(f"\ntraining on the table for {seconds:g} s:", flush=True)
    lm.fit(train, target_cols=[TARGET])
    answers = []
    for formula in FORMULAS:
        query = parse(formula, lm.schema)
        answer = lm.conditional(query.targets[0], query.given)
        _print(query, answer)
        answers.append((query, answer))

    accuracy = _accuracy(lm, complete)
    print(f"\nspecies from {' and '.join(INPUTS)}, {len(complete)} validation rows:")
    print(f"accuracy {before:.3f} before training")
    print(f"accuracy {accuracy:.3f}")
    if lm.gains:
        print("\nadded by training, in nats per validation cell:")
        width = max(map(len, lm.gains))
        print(*(f"  {name:<{width}}  {format_gain(g)}" for name, g in lm.gains.items()), sep="\n")

    n_train, n_validation = len(train), len(complete)
    found = DemoResult(n_train, n_validation, before, accuracy, lm.state, answers, lm.gains)
    picture, report = folder / "picture.png", folder / "report.html"
    picture.write_bytes(_picture(found))
    report.write_text(_report(found), encoding="utf-8")
    print(f"\nwrote {picture} and {report}; {time.monotonic() - began:.1f} s in all")
    return found


def _print(query: Query, answer: Distribution) -> None:
    _, *bars = str(answer).splitlines()
    print(f"\np({query})", *bars, sep="\n", flush=True)


def _create(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataFileError(
            f"the folder {str(folder)!r} cannot be created ({error.strerror}): give another"
        ) from error
    return folder


def _accuracy(lm: TabularLanguageModel, rows: pd.DataFrame) -> float:
    probabilities = lm.predict_proba_many(rows[list(INPUTS)], TARGET)
    predicted = lm.schema[TARGET].support[probabilities.argmax(axis=1)]
    return float((predicted == rows[TARGET].to_numpy(dtype=object)).mean())


def _answer_specs(found: DemoResult) -> list[dict[str, Any]]:
    """Return one Vega-Lite chart per answer, each with its own dataset."""
    from tabwidget import charts  # after the first answer: it takes a second

    specs: list[dict[str, Any]] = []
    for number, (_, answer) in enumerate(found.answers):
        chart = charts.distribution_chart(
            answer.records(), target=answer.target, kind=answer.kind, name=f"answer-{number}"
        )
        specs.append(chart.to_dict())
    return specs


def _picture(found: DemoResult) -> bytes:
    """Return a PNG with the charts of the answers side by side."""
    import vl_convert

    panels: list[dict[str, Any]] = []
    data: dict[str, Any] = {}
    config: dict[str, Any] = {}
    for (query, _), spec in zip(found.answers, _answer_specs(found), strict=True):
        # Only the top-level specification may have these three.
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
    """Return a chart as inline SVG in the colors of the page."""
    import vl_convert

    config = _merged(spec.get("config", {}), _PAGE_CONFIG)
    svg = vl_convert.vegalite_to_svg({**spec, "width": width, "height": height, "config": config})
    # HTML needs no namespaces, and without them the report contains no URLs.
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


def _report(found: DemoResult) -> str:
    """Return the result as one HTML page without scripts or URLs, in light and dark."""
    from tabwidget import charts

    losses = charts.loss_chart([dict(point) for point in found.state.curve])
    charts_as_svg = [_svg(spec, 340, 150) for spec in _answer_specs(found)]
    figures = "\n".join(
        f"<figure><figcaption><code>{escape(str(query))}</code></figcaption>{svg}</figure>"
        for (query, _), svg in zip(found.answers, charts_as_svg, strict=True)
    )
    return _PAGE.substitute(
        seconds=f"{found.state.seconds:.1f}",
        n_train=found.n_train,
        n_validation=found.n_validation,
        parameters=_parameters(found.state),
        before=format_percent(found.accuracy_before),
        accuracy=format_percent(found.accuracy),
        inputs=escape(" and ".join(INPUTS)),
        loss=_svg(losses.to_dict(), 800, 200),
        figures=figures,
        python=escape(_python(found)),
    )


def _parameters(state: TrainingState) -> str:
    return "" if state.start is None else f" of {state.start.n_parameters:,} parameters"


def _python(found: DemoResult) -> str:
    queries = [query for query, _ in found.answers]
    start = found.state.start
    training = TrainingConfig(max_seconds=None if start is None else start.budget_seconds)
    imported = {"TabularLanguageModel", "TrainingConfig", "datasets"}
    names = ", ".join(sorted(imported.union(*(query.imports for query in queries))))
    lines = "\n".join(query.to_python() for query in queries)
    return (
        f"from tabwidget import {names}\n\n"
        'penguins = datasets.load("penguins")\n'
        f"validation = penguins.sample(frac={VALIDATION_SHARE}, random_state=0)\n"
        f"lm = TabularLanguageModel(training={training!r}, random_state=0)\n"
        f"lm.fit(penguins.drop(validation.index), target_cols=[{TARGET!r}])\n"
        f"{lines}\n"
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
<h1>A language model of penguins, trained in $seconds seconds</h1>
<p>A pretrained model of tables read $n_train penguins, and a language model$parameters was trained
on them on this computer. Together they predict any column from any others: every chart below shows
exact probabilities, not samples.</p>
<p class="score"><b>$accuracy</b> <span>accuracy of the species predicted from $inputs,
for $n_validation penguins not used for training. Before training it was $before.</span></p>
<h2>Training</h2>
<p class="soft">Loss in nats per cell, on training rows and validation rows.</p>
<div class="loss">$loss</div>
<h2>Conditional distributions</h2>
<p class="soft">The target stands before the <code>|</code>, the evidence after it: values, ranges
or sets. Columns that are not named are marginalized out.</p>
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
