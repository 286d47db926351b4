"""Synthetic tables for pretraining: structural causal models over mixed columns, a batch at once.

Shapes: B tables, N rows, D feature columns, M nodes of the causal graph, L levels.

A table is a graph of nodes in causal order. A node is a function of a few earlier ones plus noise;
some nodes are cut into levels, some are hidden. One node becomes the target, and D others the
feature columns. See `mechanisms` for the functions, the noise and the levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tabwidget.backends.pretrained.features import Kind
from tabwidget.backends.pretrained.mechanisms import (
    FUNCTIONS,
    GROUPS,
    Draw,
    Parents,
    cut,
    levels_of,
    noise_of,
    shown,
    standardize,
)

__all__ = [
    "MAX_COLUMN_LEVELS",
    "MAX_TARGET_LEVELS",
    "SyntheticTables",
    "hide_query_cells",
    "synthetic_tables",
]

MAX_TARGET_LEVELS = 12
MAX_COLUMN_LEVELS = 40
MAX_PARENTS = 4
MAX_HIDDEN = 8
CLUSTERS = 6
CANDIDATES = 7  # functions that the tables of a batch choose from at one node
SHARE_OF_CROSSES = 0.12  # batches of few columns that are all levels
MAX_CROSSED = 10  # columns of such tables


@dataclass(frozen=True)
class SyntheticTables:
    """A batch of tables of equal size."""

    numbers: Tensor  # [B, N, D] float, 0 in columns of levels
    codes: Tensor  # [B, N, D] int, index of the level, 0 in columns of numbers
    is_number: Tensor  # [B, D] bool
    known: Tensor  # [B, N, D] bool, False where a cell is missing
    target: Tensor  # [B, N], float for a number, int below MAX_TARGET_LEVELS for levels
    kind: Kind

    def __len__(self) -> int:
        return self.numbers.shape[0]


def synthetic_tables(
    tables: int, rows: int, columns: int, kind: Kind, generator: torch.Generator
) -> SyntheticTables:
    """Draw a batch of random tables.

    Parameters
    ----------
    tables, rows, columns : int
        Size of the batch; the target is one column more.
    kind : {"number", "levels"}
        Kind of the targets.
    generator : Generator
        Source of all randomness, on the device of the tables.

    Examples
    --------
    >>> drawn = synthetic_tables(4, 30, 5, "levels", torch.Generator().manual_seed(0))
    >>> drawn.numbers.shape, drawn.target.shape, int(drawn.target.max()) < 12
    (torch.Size([4, 30, 5]), torch.Size([4, 30]), True)
    """
    draw = Draw(generator)
    if 2 <= columns <= MAX_CROSSED and draw.plain.random() < SHARE_OF_CROSSES:
        return _crosses(tables, rows, columns, kind, draw)
    graph = _Graph(tables, rows, columns, draw)
    for node in range(graph.nodes):
        graph.add(node)
    target = graph.choose_target(kind)
    features = graph.choose_features(target, columns)
    numbers, codes = graph.columns(graph.numbers, features), graph.columns(graph.codes, features)
    effects = graph.columns(graph.effects, features)
    return SyntheticTables(
        numbers=numbers,
        codes=codes,
        is_number=~torch.gather(graph.is_levels, 1, features),
        known=_known(effects, draw),
        target=graph.target(target, kind),
        kind=kind,
    )


def hide_query_cells(known: Tensor, n_context: int, draw: Draw) -> Tensor:
    """Hide cells of the query rows at random in half of the tables, at a rate of each row's own.

    Parameters
    ----------
    known : Tensor of shape (B, N, D)
        Cells that are there.
    n_context : int
        Number of context rows, which stay as they are.
    draw : Draw
        Source of randomness.

    Examples
    --------
    >>> known = torch.ones(50, 3, 4, dtype=torch.bool)
    >>> hidden = ~hide_query_cells(known, 2, Draw(torch.Generator().manual_seed(0)))
    >>> bool(hidden[:, :2].any()), bool(hidden[:, 2:].any())
    (False, True)
    """
    tables, rows, columns = known.shape
    queries = rows - n_context
    affected = draw.chance(0.5, tables, 1, 1)
    hidden = draw.chance(draw.uniform(tables, queries, 1), tables, queries, columns)
    return torch.cat([known[:, :n_context], known[:, n_context:] & ~(affected & hidden)], 1)


class _Graph:
    """Nodes of a batch of causal graphs, added in causal order."""

    def __init__(self, tables: int, rows: int, columns: int, draw: Draw) -> None:
        self.draw, self.tables, self.rows = draw, tables, rows
        self.nodes = nodes = columns + 1 + draw.plain.randint(1, MAX_HIDDEN)
        wide = draw.plain.random() < 0.15
        self.max_levels = MAX_COLUMN_LEVELS if wide else MAX_TARGET_LEVELS
        device = draw.device
        self.effects = torch.zeros(tables, rows, nodes, device=device)
        self.numbers = torch.zeros(tables, rows, nodes, device=device)
        self.codes = torch.zeros(tables, rows, nodes, dtype=torch.long, device=device)
        self.groups = torch.zeros(tables, rows, nodes, dtype=torch.long, device=device)
        self.counts = torch.zeros(tables, nodes, dtype=torch.long, device=device)
        self.parents = torch.zeros(tables, nodes, nodes, dtype=torch.bool, device=device)
        # What the nodes of one table have in common.
        self.is_levels = draw.chance(draw.uniform(tables, 1) ** 1.5, tables, nodes)
        self.noise = torch.exp(draw.normal(tables, 1) * 0.9 - 1.5).clamp(0.02, 2.0)
        self.exact = draw.chance(0.1, tables, 1)
        self.noise = torch.where(self.exact, self.noise * 0.02, self.noise)
        logits = torch.tensor(list(FUNCTIONS.values()), device=device)
        self.preferences = torch.softmax(draw.normal(tables, len(FUNCTIONS)) * 1.5 + logits, 1)
        self.density = draw.uniform(tables, 1)
        self.factor_share = (draw.uniform(tables, 1) - 0.35).clamp_min(0.0) * 1.2
        self.factor_share = self.factor_share.masked_fill(self.exact, 0.0)
        self.factors = draw.normal(tables, rows, 3)
        self.clusters = draw.integers(CLUSTERS, tables, rows)

    def add(self, node: int) -> None:
        """Draw the values of the next node."""
        draw = self.draw
        values = self._values(node)
        counts = 2 + (draw.uniform(self.tables) ** 2.2 * (MAX_TARGET_LEVELS - 1)).long()
        if self.max_levels > MAX_TARGET_LEVELS:
            many = draw.integers(self.max_levels - 1, self.tables) + 2
            counts = torch.where(draw.chance(0.4, self.tables), many, counts)
        counts = counts.clamp(max=self.max_levels)
        levels, effects = levels_of(values, counts, self.max_levels, draw)
        leveled = self.is_levels[:, node, None]
        self.effects[..., node] = torch.where(leveled, effects, values)
        self.numbers[..., node] = shown(values, draw).masked_fill(leveled, 0.0)
        self.codes[..., node] = levels.masked_fill(~leveled, 0)
        self.counts[:, node] = counts.masked_fill(~leveled[:, 0], 0)
        thresholds = draw.normal(self.tables, draw.plain.randint(1, 5)) * 0.7
        self.groups[..., node] = torch.where(leveled, levels % GROUPS, cut(values, thresholds))

    def _values(self, node: int) -> Tensor:
        """Return a node's standardized values before they are cut or rounded."""
        draw, tables = self.draw, self.tables
        if node == 0:
            return standardize(draw.normal(tables, self.rows))
        parents, root = self._parents(node)
        candidates = draw.plain.sample(list(enumerate(FUNCTIONS)), CANDIDATES)
        # A sum or a weighted sum often, since it is what most columns are to each other.
        results = [function(parents, draw) for _, function in candidates] + [parents.linear()]
        weights = self.preferences[:, [index for index, _ in candidates]]
        choice = draw.pick(weights).masked_fill(draw.chance(0.3, tables), len(candidates))
        values = torch.stack(results, 1)[torch.arange(tables, device=draw.device), choice]
        values = standardize(values).masked_fill(root, 0.0)
        noise = noise_of(self.noise, parents.first if node > 2 else None, self.rows, draw)
        alone = standardize(noise)
        values = torch.where(root, alone, values + noise)
        return standardize(values + self._common())

    def _parents(self, node: int) -> tuple[Parents, Tensor]:
        """Return the parents of a node, and in which tables [B, 1] it is a root without any."""
        draw, tables = self.draw, self.tables
        count = min(MAX_PARENTS, node)
        anywhere = draw.integers(node, tables, count)
        near = (node - 1 - (draw.uniform(tables, count) ** 2 * node).long()).clamp(min=0)
        index = torch.where(draw.chance(0.5, tables, 1), anywhere, near)
        used = draw.chance(0.35 + 0.65 * self.density, tables, count)
        used[:, 0] = True
        root = draw.chance(0.22, tables, 1)
        self.parents[:, node].scatter_(1, index, used & ~root)
        wide = index[:, None].expand(tables, self.rows, count)
        parents = Parents(
            effects=torch.gather(self.effects, 2, wide),
            groups=torch.gather(self.groups, 2, wide),
            weights=draw.normal(tables, count) * used,
        )
        return parents, root

    def _common(self) -> Tensor:
        """Return what clusters of rows and factors shared by many nodes add to a node."""
        draw, tables = self.draw, self.tables
        loadings = draw.chance(self.factor_share, tables, 3) * draw.normal(tables, 3) * 1.2
        centers = draw.normal(tables, CLUSTERS) * 1.5
        clustered = draw.chance(0.12, tables, 1) & ~self.exact
        from_clusters = torch.gather(centers, 1, self.clusters) * clustered
        return torch.bmm(self.factors, loadings[..., None])[..., 0] + from_clusters

    def _correlations(self) -> Tensor:
        """Return the absolute correlations of all pairs of nodes, zero on the diagonal."""
        products = torch.bmm(self.effects.mT, self.effects).div(self.rows).abs()
        return products * (1 - torch.eye(self.nodes, device=self.draw.device))

    def choose_target(self, kind: Kind) -> Tensor:
        """Return the target node [B]: late, correlated, and of the kind where there is one."""
        draw = self.draw
        strongest = self._correlations().amax(2).clamp(0, 1)
        late = torch.arange(self.nodes, device=draw.device) >= self.nodes // 3
        score = draw.uniform(self.tables, self.nodes) + 0.35 * late
        score = score + draw.uniform(self.tables, 1) * 1.2 * strongest
        # A nearly exact relation is seen only where the target has parents.
        score = score + self.exact * self.parents.any(2)
        if kind == "number":
            wanted = ~self.is_levels
        else:
            wanted = self.is_levels & (self.counts <= MAX_TARGET_LEVELS)
        return (score + 3 * wanted).argmax(1)

    def choose_features(self, target: Tensor, columns: int) -> Tensor:
        """Return the nodes [B, D] to be shown: at random, or rather what is near the target."""
        draw = self.draw
        tables = torch.arange(self.tables, device=draw.device)
        correlation = self._correlations()[tables, target].clamp(0, 1)
        order = draw.uniform(self.tables, self.nodes)
        order = order - draw.uniform(self.tables, 1) * 0.8 * correlation
        bonus = draw.uniform(self.tables, 1) * 0.5 + self.exact
        order = order - bonus * self.parents[tables, target]
        order[tables, target] = torch.inf
        return order.argsort(1)[:, :columns]

    def columns(self, values: Tensor, nodes: Tensor) -> Tensor:
        """Return the values of chosen nodes [B, D] in all rows."""
        return torch.gather(values, 2, nodes[:, None].expand(-1, self.rows, -1))

    def target(self, node: Tensor, kind: Kind) -> Tensor:
        """Return the target's values: shown numbers, or levels in random order."""
        draw = self.draw
        leveled = torch.gather(self.is_levels, 1, node[:, None])
        numbers = self.columns(self.numbers, node[:, None])[..., 0]
        if kind == "number":
            return torch.where(leveled, self.columns(self.effects, node[:, None])[..., 0], numbers)
        levels = self.columns(self.codes, node[:, None])[..., 0] % MAX_TARGET_LEVELS
        # Where no node has levels, a number is cut into two to four.
        thresholds = draw.normal(self.tables, 3) * 0.8
        unused = torch.arange(3, device=draw.device) > draw.integers(3, self.tables, 1)
        few = cut(numbers, thresholds.masked_fill(unused, torch.inf))
        return _shuffled(torch.where(leveled, levels, few), draw)


def _shuffled(levels: Tensor, draw: Draw) -> Tensor:
    """Return levels renamed at random."""
    names = draw.uniform(levels.shape[0], MAX_TARGET_LEVELS).argsort(1)
    return torch.gather(names, 1, levels)


def _known(effects: Tensor, draw: Draw) -> Tensor:
    """Return which cells are there: all, all but some at random, or by the cells' own values."""
    tables, rows, columns = effects.shape
    rate = draw.uniform(tables, 1, 1) * 0.3 * draw.chance(0.4, tables, 1, 1)
    kind = draw.uniform(tables, 1, 1)
    # Missing by the first column's value, or by the value that would be there.
    cause = effects[..., :1] * (kind < 0.25) + effects * ((kind > 0.25) & (kind < 0.5))
    slope = 1.2 * torch.sign(draw.normal(tables, 1, columns))
    return ~draw.chance(rate * torch.exp(slope * cause), tables, rows, columns)


def _crosses(tables: int, rows: int, columns: int, kind: Kind, draw: Draw) -> SyntheticTables:
    """Draw tables of levels whose target depends on pairs of columns, as in an XOR."""
    most = draw.plain.choice((2, 3, 4, 6, MAX_TARGET_LEVELS))
    counts = 2 + draw.integers(most - 1, tables, 1, columns)
    # Each column is drawn with shares of its own, and may repeat its neighbor's level.
    skew = 0.2 + draw.uniform(tables, 1, columns) * 1.3
    codes = ((draw.uniform(tables, rows, columns) ** (0.5 + skew)) * counts).long()
    copied = draw.chance(draw.uniform(tables, 1, columns) * 0.5, tables, rows, columns)
    codes = torch.where(copied & draw.chance(0.4, tables, 1, 1), codes.roll(1, 2), codes) % counts
    width = 2 + draw.plain.randint(0, MAX_TARGET_LEVELS - 2) if kind == "levels" else 1
    logits = torch.zeros(tables, rows, width, device=draw.device)
    for pair in range(draw.plain.randint(1, 3)):
        first = draw.integers(columns, tables, 1, 1)
        second = (first + 1 + draw.integers(columns - 1, tables, 1, 1)) % columns
        of_both = [
            torch.gather(codes, 2, index.expand(tables, rows, 1))[..., 0]
            for index in (first, second)
        ]
        weight = draw.normal(tables, 1, 1) * 0.7 if pair else 1.0
        logits = logits + _cells(of_both, most, width, draw) * weight
    single = torch.gather(codes, 2, draw.integers(columns, tables, 1, 1).expand(-1, rows, 1))
    own = _cells([single[..., 0], torch.zeros_like(single[..., 0])], most, width, draw)
    logits = logits + own * draw.normal(tables, 1, 1) * 0.5
    noise = torch.exp(draw.normal(tables, 1, 1) - 1.2)
    if kind == "number":
        target = shown((logits + noise * draw.normal(tables, rows, 1))[..., 0], draw)
    else:
        uniform = draw.uniform(tables, rows, width).clamp(1e-9, 1 - 1e-7)
        gumbel = -torch.log(-torch.log(uniform))
        target = _shuffled((logits + noise * gumbel).argmax(2), draw)
    known = _known(standardize(codes.float()), draw)
    is_number = torch.zeros(tables, columns, dtype=torch.bool, device=draw.device)
    return SyntheticTables(
        torch.zeros_like(known, dtype=torch.float), codes, is_number, known, target, kind
    )


def _cells(levels: list[Tensor], most: int, width: int, draw: Draw) -> Tensor:
    """Return random vectors [B, N, width], one for each pair of levels."""
    tables, rows = levels[0].shape
    table = draw.normal(tables, most * most, width)
    index = (levels[0] * most + levels[1])[..., None].expand(tables, rows, width)
    return torch.gather(table, 1, index)
