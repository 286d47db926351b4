"""ExplorationMethods: how an answer depends on one column, and which column would tell most."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from tabwidget._typing import Floats
from tabwidget.errors import ColumnError, ConfigError
from tabwidget.inference.admissible import every_value, resolve_evidence
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.evidence import Evidence
from tabwidget.inference.joint import JointDistribution
from tabwidget.inference.marginalize import WeightedRows, expand
from tabwidget.inference.query import ResolvedQuery
from tabwidget.model.queries import Given, QueryMethods

__all__ = ["ExplorationMethods"]

COLUMNS_AT_ONCE = 64  # for one weighted row; tens of values each


class ExplorationMethods(QueryMethods):
    """Methods of `TabularLanguageModel` that ask many related questions in one batch."""

    def sweep(
        self, target: str, given: Given | None, column: str, values: Iterable[Evidence]
    ) -> list[Distribution]:
        """Return p(target | given) with one column at each of several values, in one batch.

        The curve of its mean, or of a level's probability, is a ceteris-paribus profile
        (Biecek and Burzykowski, "Explanatory Model Analysis", 2021).

        Parameters
        ----------
        target : str
            The target column.
        given : mapping of str to evidence or None
            The other evidence; what it has on `column` is ignored.
        column : str
            The column that is varied.
        values : iterable of evidence
            Its values; sets and ranges are marginalized as in `conditional`.

        Returns
        -------
        list of Distribution
            One per value.

        Raises
        ------
        NotFittedError, ColumnError, EvidenceError
            If the model is not fitted or a question is invalid.

        Examples
        --------
        >>> from tabwidget import TabularLanguageModel, datasets
        >>> lm = TabularLanguageModel("pretrained", random_state=0).fit(datasets.load("iris"))
        >>> curve = lm.sweep("species", {"petal width (cm)": 1.5}, "petal length (cm)", [4, 5, 6])
        >>> [species.mode() for species in curve]
        ['versicolor', 'versicolor', 'virginica']
        """
        query = self._resolve(target, {} if given is None else given)
        schema, varied = query.schema, self.schema.input_column(column)
        if column == target:
            raise ConfigError(f"column {column!r} is the target: vary another one")
        queries = [
            ResolvedQuery(
                query.targets, {**query.evidence, column: resolve_evidence(value, varied)}, schema
            )
            for value in values
        ]
        if not queries:
            return []
        found, spread = self._probabilities(queries, target)
        wanted = schema[target]
        return [Distribution(wanted, p, one) for p, one in zip(found, spread.tolist(), strict=True)]

    def information_gain(
        self,
        target: str,
        given: Given | None = None,
        *,
        columns: Sequence[str] | None = None,
        costs: Mapping[str, float] | None = None,
    ) -> pd.DataFrame:
        """Return how many bits about the target the value of each unknown column would tell.

        The expected gain of a column X is the entropy of the target less its expected entropy
        once X is known (Lindley, "On a Measure of the Information Provided by an Experiment",
        1956): the mutual information of p(x | given) p(target | given, x). It is summed over the
        whole support of X, at its resolution, but for values of a probability below 0.0001 in
        all.

        Parameters
        ----------
        target : str
            The target column.
        given : mapping of str to evidence, optional
            What is known, as in `conditional`. Columns with evidence have no gain here, also
            where it is a set or a range.
        columns : sequence of str, optional
            Of these columns alone. By default all that can be targets: free text is never
            predicted, so that there is no expectation over it.
        costs : mapping of str to float, optional
            Costs of knowing columns, in any unit; 1 for columns that it does not list.

        Returns
        -------
        DataFrame
            ``column`` and ``bits``, the highest first; with `costs` also ``cost`` and
            ``bits_per_cost``, and the highest of these first.

        Raises
        ------
        NotFittedError, ColumnError, EvidenceError, ConfigError
            If the model is not fitted, the question is invalid, or a cost is not positive.

        Examples
        --------
        >>> from tabwidget import TabularLanguageModel, datasets
        >>> lm = TabularLanguageModel("pretrained", random_state=0).fit(datasets.load("iris"))
        >>> gains = lm.information_gain("species", {"sepal length (cm)": 6.0})
        >>> gains["column"].tolist()
        ['petal width (cm)', 'petal length (cm)', 'sepal width (cm)']
        """
        query = self._resolve(target, given)
        if len(query.targets) != 1:
            raise ConfigError(f"the gain is about one column, not {', '.join(query.targets)}")
        target = query.targets[0]
        known = {target, *query.evidence}
        wanted = [name for name in self._chosen(columns) if name not in known]
        prices = self._prices(costs)
        gains = self._gains_in_nats(query, target, wanted)
        frame = pd.DataFrame(
            {"column": pd.Series(wanted, dtype=object), "bits": gains / math.log(2)}
        )
        by = "bits"
        if costs is not None:
            frame["cost"] = [prices.get(name, 1.0) for name in wanted]
            by = "bits_per_cost"
            frame[by] = frame["bits"] / frame["cost"]
        return frame.sort_values(by, ascending=False, kind="stable", ignore_index=True)

    def _chosen(self, columns: Sequence[str] | None) -> list[str]:
        """Return the names of the columns that are asked about, without repetitions."""
        if columns is None:
            return list(self.schema.targets)
        names = (columns,) if isinstance(columns, str) else columns
        for name in names:
            if self.schema.input_column(name).role == "evidence":
                raise ColumnError(
                    f"column {name!r} is free text, which is never predicted, so that the gain "
                    "of knowing it has no expectation: leave it out of columns"
                )
        return list(dict.fromkeys(names))

    def _prices(self, costs: Mapping[str, float] | None) -> dict[str, float]:
        prices = {}
        for name, cost in dict(costs or {}).items():
            self.schema.input_column(name)
            try:
                prices[name] = float(cost)
            except (TypeError, ValueError):
                prices[name] = math.nan
            if not 0 < prices[name] < math.inf:
                raise ConfigError(f"the cost of {name!r} is {cost!r}: give a number above 0")
        return prices

    def _gains_in_nats(self, query: ResolvedQuery, target: str, names: Sequence[str]) -> Floats:
        """Return the mutual information of the target and each column, given the evidence."""
        weighted = self._weighted_rows([query])
        size = max(1, COLUMNS_AT_ONCE // len(weighted.rows))
        parts = [names[start : start + size] for start in range(0, len(names), size)]
        return np.array(
            [
                max(0.0, joint.mutual_information())  # not below 0 by rounding
                for part in parts
                for joint in self._joints_with(weighted, target, part)
            ]
        )

    def _joints_with(
        self, weighted: WeightedRows, target: str, names: Sequence[str]
    ) -> Iterator[JointDistribution]:
        """Yield p(x | evidence) p(target | evidence, x) of each column, by two batches in all."""
        schema = self.schema
        columns = [schema[name] for name in names]
        indices = [schema.targets.index(name) for name in names]
        rows = np.tile(weighted.rows, (len(names), 1))
        shares = np.split(self._predict(rows, np.repeat(indices, len(weighted.rows))), len(names))
        expanded = [
            expand(weighted, index, {0: every_value(column)}, lambda *_, share=share: share)
            for column, index, share in zip(columns, indices, shares, strict=True)
        ]
        rows = np.concatenate([one.rows for one in expanded])
        found = self._predict(rows, np.full(len(rows), schema.targets.index(target)))
        ends = np.cumsum([len(one.rows) for one in expanded])[:-1]
        size = len(schema[target].support)
        for column, index, one, answers in zip(
            columns, indices, expanded, np.split(found, ends), strict=True
        ):
            joint = np.zeros((len(column.grid), size))
            codes = np.searchsorted(column.grid, one.rows[:, index])
            np.add.at(joint, codes, one.weights[:, None] * answers[:, :size])
            yield JointDistribution([column, schema[target]], joint)
