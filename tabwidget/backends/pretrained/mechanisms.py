"""Mechanisms of synthetic tables: functions of parents, noise, levels, and how a number is shown.

Shapes: B tables, N rows, P parents of a node, L levels. Every function draws its own coefficients,
one set per table, and returns one value per row.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = [
    "FUNCTIONS",
    "Draw",
    "Function",
    "Parents",
    "cut",
    "levels_of",
    "noise_of",
    "shown",
    "standardize",
]

GROUPS = 12  # groups that a parent divides the rows into, for interactions and group effects
FEW = 10  # most distinct values of a number of few distinct values
MIN_NOISE, MAX_NOISE = 0.001, 6.0


class Draw:
    """Random tensors of one generator, and a generator of plain numbers seeded by it.

    Parameters
    ----------
    generator : Generator
        Source of all randomness, on the device of the tensors.

    Examples
    --------
    >>> Draw(torch.Generator().manual_seed(0)).uniform(2, 3).shape
    torch.Size([2, 3])
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.device = generator.device
        seed = torch.randint(2**31, (), generator=generator, device=self.device)
        self.plain = random.Random(int(seed))

    def uniform(self, *shape: int) -> Tensor:
        """Return numbers from 0 to 1."""
        return torch.rand(*shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """Return standard normal numbers."""
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def integers(self, end: int, *shape: int) -> Tensor:
        """Return integers from 0 to `end` - 1."""
        return torch.randint(0, end, shape, generator=self.generator, device=self.device)

    def chance(self, probability: float | Tensor, *shape: int) -> Tensor:
        """Return booleans that are true with a probability."""
        return self.uniform(*shape) < probability

    def pick(self, weights: Tensor) -> Tensor:
        """Return one index for each row of weights."""
        return torch.multinomial(weights, 1, generator=self.generator)[:, 0]


@dataclass(frozen=True)
class Parents:
    """What a node reads of its parents."""

    effects: Tensor  # [B, N, P], standardized
    groups: Tensor  # [B, N, P], 0 to GROUPS - 1: a level's index, or a number cut into intervals
    weights: Tensor  # [B, P], zero for a parent without influence

    def __len__(self) -> int:
        return self.effects.shape[0]

    @property
    def first(self) -> Tensor:
        """Effect of the first parent, which always has influence."""
        return self.effects[..., 0]

    @property
    def second(self) -> Tensor:
        """Effect of the second parent, or of the only one."""
        return self.effects[..., min(1, self.effects.shape[2] - 1)]

    def linear(self) -> Tensor:
        """Return the weighted sum of the effects, of unit scale."""
        norm = self.weights.norm(dim=1, keepdim=True).clamp_min(1e-3)
        return torch.bmm(self.effects, self.weights[..., None])[..., 0] / norm

    def affine(self, draw: Draw) -> Tensor:
        """Return the weighted sum of the effects, stretched and moved at random."""
        slope, offset = draw.uniform(len(self), 1) * 2.5 + 0.5, draw.normal(len(self), 1) * 0.7
        return self.linear() * slope + offset


def standardize(values: Tensor) -> Tensor:
    """Return values [B, N] with mean zero and unit variance over the rows of each table.

    Examples
    --------
    >>> standardize(torch.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[-1.0, 0.0, 1.0]]
    """
    spread, center = torch.std_mean(values, dim=1, keepdim=True)
    return (values - center) / spread.clamp_min(1e-6)


def look_up(table: Tensor, index: Tensor) -> Tensor:
    """Return the entries of each table's row [B, L] at an index [B, N]."""
    return torch.gather(table, 1, index)


def linear(parents: Parents, draw: Draw) -> Tensor:
    """Return a weighted sum."""
    return parents.linear()


def saturating(parents: Parents, draw: Draw) -> Tensor:
    """Return a hyperbolic tangent of a weighted sum."""
    return torch.tanh(parents.affine(draw))


def rectified(parents: Parents, draw: Draw) -> Tensor:
    """Return the positive part of a weighted sum."""
    return torch.relu(parents.affine(draw))


def sine(parents: Parents, draw: Draw) -> Tensor:
    """Return a sine of a weighted sum."""
    return torch.sin(parents.affine(draw))


def absolute(parents: Parents, draw: Draw) -> Tensor:
    """Return the absolute value of a weighted sum."""
    return parents.affine(draw).abs()


def sign(parents: Parents, draw: Draw) -> Tensor:
    """Return the sign of a weighted sum: a step."""
    return torch.sign(parents.affine(draw))


def square(parents: Parents, draw: Draw) -> Tensor:
    """Return a signed square of a weighted sum plus a hinge of the second parent."""
    total = parents.affine(draw)
    squared = (total * 0.8).clamp(-3, 3) ** 2 * torch.sign(total) * 0.5
    return squared + torch.relu(parents.second - draw.normal(len(parents), 1) * 0.7)


def product(parents: Parents, draw: Draw) -> Tensor:
    """Return the product of two parents."""
    return parents.first * parents.second


def tree(parents: Parents, draw: Draw) -> Tensor:
    """Return a decision tree of depth two over two parents."""
    leaves, split = draw.normal(len(parents), 4), draw.normal(len(parents), 3) * 0.7
    left = parents.first > split[:, :1]
    threshold = torch.where(left, split[:, 1:2], split[:, 2:])
    return look_up(leaves, left.long() * 2 + (parents.second > threshold).long())


def forest(parents: Parents, draw: Draw) -> Tensor:
    """Return a sum of three oblivious trees of depth four."""
    tables, rows, count = parents.effects.shape
    total = parents.effects.new_zeros(tables, rows)
    powers = torch.tensor([1, 2, 4, 8], device=draw.device)
    for _ in range(3):
        which, split = draw.integers(count, tables, 1, 4), draw.normal(tables, 1, 4) * 0.8
        chosen = torch.gather(parents.effects, 2, which.expand(tables, rows, 4))
        total = total + look_up(draw.normal(tables, 16), ((chosen > split) * powers).sum(2))
    return total


def stairs(parents: Parents, draw: Draw) -> Tensor:
    """Return a step function of one parent with 4 to 40 steps, unrelated or ascending."""
    steps = 4 + (draw.uniform(len(parents), 1) * 36).long()
    heights = draw.normal(len(parents), 40)
    ascending = heights.abs().cumsum(1)
    heights = torch.where(draw.chance(0.4, len(parents), 1), ascending, heights)
    position = (parents.first.clamp(-2.5, 2.5) / 5 + 0.5) * steps
    return look_up(heights, position.long().clamp(0, 39))


def wave(parents: Parents, draw: Draw) -> Tensor:
    """Return a sine of one parent, of one to seven times its scale."""
    speed, phase = 1 + 6 * draw.uniform(len(parents), 1), 6 * draw.uniform(len(parents), 1)
    return torch.sin(parents.first * speed + phase)


def peak(parents: Parents, draw: Draw) -> Tensor:
    """Return a bell around one value of one parent."""
    center, width = draw.normal(len(parents), 1) * 0.7, 1 + 4 * draw.uniform(len(parents), 1)
    return torch.exp(-((parents.first - center) ** 2) * width)


def interaction(parents: Parents, draw: Draw) -> Tensor:
    """Return a random value for each pair of groups of two parents, as in an XOR."""
    second = parents.groups[..., min(1, parents.groups.shape[2] - 1)]
    cells = draw.normal(len(parents), GROUPS * GROUPS)
    coarse = draw.chance(0.5, len(parents), 1)
    pair = torch.where(
        coarse,
        (parents.groups[..., 0] % 2) * GROUPS + second % 2,
        parents.groups[..., 0] * GROUPS + second,
    )
    return look_up(cells, pair)


def grouped(parents: Parents, draw: Draw) -> Tensor:
    """Return a line in the second parent with a slope and an offset for each group of the first."""
    group = parents.groups[..., 0]
    offsets, slopes = draw.normal(len(parents), GROUPS), draw.normal(len(parents), GROUPS)
    common = draw.normal(len(parents), 1)
    return look_up(offsets, group) + (look_up(slopes, group) + common) * parents.second


Function: TypeAlias = Callable[[Parents, Draw], Tensor]

# Each with its weight in an average table, as a logarithm.
FUNCTIONS: dict[Function, float] = {
    linear: 0.0,
    saturating: 0.0,
    tree: 0.0,
    rectified: 0.0,
    sine: 0.0,
    absolute: 0.0,
    product: 0.0,
    sign: 0.0,
    square: 0.0,
    forest: 1.0,
    stairs: -0.3,
    wave: -1.0,
    peak: -1.0,
    interaction: 0.2,
    grouped: 0.2,
}


def noise_of(scale: Tensor, first: Tensor | None, rows: int, draw: Draw) -> Tensor:
    """Return noise [B, rows]: normal, heavy-tailed or bimodal, and in some tables heteroscedastic.

    Parameters
    ----------
    scale : Tensor of shape (B, 1)
        The table's own scale, which the node's varies around.
    first : Tensor of shape (B, rows) or None
        Values that the spread may depend on.
    rows : int
        Number of rows.
    draw : Draw
        Source of randomness.

    Examples
    --------
    >>> noise_of(torch.ones(2, 1), None, 5, Draw(torch.Generator())).shape
    torch.Size([2, 5])
    """
    tables = scale.shape[0]
    own = scale * torch.exp(draw.normal(tables, 1) * 0.7)
    kind = draw.uniform(tables, 1)
    own = own * torch.where(kind < 0.08, 0.03, 1.0) * torch.where(kind < 0.03, 0.1, 1.0)
    own = own.clamp(MIN_NOISE, MAX_NOISE)
    if first is not None:
        own = own * torch.exp(draw.chance(0.15, tables, 1) * 0.7 * first)
    noise = draw.normal(tables, rows)
    kind = draw.uniform(tables, 1)
    heavy = noise * torch.exp(0.8 * draw.normal(tables, rows))
    bimodal = 0.35 * noise + torch.sign(draw.normal(tables, rows)) * 1.2
    return own * torch.where(kind < 0.12, heavy, torch.where(kind > 0.94, bimodal, noise))


def cut(values: Tensor, thresholds: Tensor) -> Tensor:
    """Return how many of its table's thresholds [B, L] each value [B, N] exceeds.

    Examples
    --------
    >>> cut(torch.tensor([[0.0, 5.0]]), torch.tensor([[1.0, 2.0]])).tolist()
    [[0, 2]]
    """
    ordered = torch.sort(thresholds, 1)[0].contiguous()
    return torch.searchsorted(ordered, values.contiguous())


def levels_of(values: Tensor, counts: Tensor, most: int, draw: Draw) -> tuple[Tensor, Tensor]:
    """Return levels [B, N] made of values, and the standardized effect of each row's level.

    Half of the tables cut the values into ordered levels; the others draw a level from logits
    that are linear in the value. A level's effect on children is its rank or its own number.

    Parameters
    ----------
    values : Tensor of shape (B, N)
        Standardized values.
    counts : Tensor of shape (B,)
        Number of levels in each table, at most `most`.
    most : int
        Width of the tables of levels.
    draw : Draw
        Source of randomness.

    Examples
    --------
    >>> draw = Draw(torch.Generator().manual_seed(0))
    >>> levels, effects = levels_of(draw.normal(2, 50), torch.tensor([2, 3]), 3, draw)
    >>> (int(levels[0].max()), int(levels[1].max()))
    (1, 2)
    """
    tables, rows = values.shape
    within = torch.arange(most, device=draw.device) < counts[:, None]
    spacing = draw.normal(tables, most - 1) * 0.9
    ordered = cut(values, spacing.masked_fill(~within[:, 1:], math.inf))
    slopes = draw.normal(tables, most) * (1 + 2 * draw.uniform(tables, 1))
    offsets = draw.normal(tables, most) * (0.3 + 1.2 * draw.uniform(tables, 1))
    offsets = offsets.masked_fill(~within, -1e9)
    gumbel = -torch.log(-torch.log(draw.uniform(tables, rows, most).clamp(1e-9, 1 - 1e-7)))
    logits = torch.addcmul(offsets[:, None], values[..., None], slopes[:, None])
    drawn = (logits + gumbel * draw.uniform(tables, 1, 1)).argmax(2)
    levels = torch.where(draw.chance(0.5, tables, 1), ordered, drawn)
    rank = torch.arange(most, device=draw.device).float().expand(tables, most)
    effects = torch.where(draw.chance(0.5, tables, 1), rank, draw.normal(tables, most))
    return levels, standardize(look_up(effects, levels))


def shown(values: Tensor, draw: Draw) -> Tensor:
    """Return numbers as a table shows them: rounded, zero-inflated, long-tailed, of few values.

    Examples
    --------
    >>> draw = Draw(torch.Generator().manual_seed(0))
    >>> numbers = shown(draw.normal(100, 200), draw)
    >>> distinct = [len(column.unique()) for column in numbers]
    >>> (min(distinct) <= 10, max(distinct))
    (True, 200)
    """
    tables, rows = values.shape
    kind = draw.uniform(tables, 1)
    step = 0.15 + 1.2 * draw.uniform(tables, 1)
    scale = 0.4 + draw.uniform(tables, 1)
    result = torch.where(kind < 0.14, torch.round(values / step) * step, values)
    # Zero below a threshold, or zero at random, and long-tailed above.
    floor = draw.normal(tables, 1) * 0.6
    result = torch.where((kind > 0.14) & (kind < 0.19), torch.relu(values - floor), result)
    absent = draw.chance(0.2 + 0.6 * draw.uniform(tables, 1), tables, rows)
    inflated = torch.exp(values * scale).masked_fill(absent, 0.0)
    result = torch.where((kind > 0.19) & (kind < 0.22), inflated, result)
    result = torch.where((kind > 0.22) & (kind < 0.30), torch.exp(values * scale), result)
    # 3 to 10 distinct values, unevenly spaced.
    count = 2 + draw.integers(FEW - 2, tables, 1)
    thresholds = draw.normal(tables, FEW - 1)
    unused = torch.arange(FEW - 1, device=draw.device) >= count
    few = cut(values, thresholds.masked_fill(unused, math.inf))
    heights = (0.2 + draw.uniform(tables, FEW)).cumsum(1)
    return torch.where((kind > 0.30) & (kind < 0.42), look_up(heights, few), result)
