"""Cost: what a fit will take in time and memory, estimated before it from sizes alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["MATRIX", "Cost", "ModelSize", "cost_of", "fastest", "matmul_rate"]

FORWARD, BACKWARD, OWN = 2, 2, 2  # operations a weight and token, the last for weights trained
OPTIMIZER_BYTES = 12  # a weight trained: its gradient and two moments
ACTIVATIONS = 20  # numbers of a layer's width that are kept for each token
LOGITS = 3  # copies of them at a time
MATRIX = {True: 512, False: 4_096}  # width that is timed, on a CPU or elsewhere


@dataclass(frozen=True)
class ModelSize:
    """The size of a model that reads rows.

    Attributes
    ----------
    n_parameters, n_trained : int
        All weights, and those that are trained.
    n_multiplied : int
        Weights that every token is multiplied with.
    weight_bytes : float
        A weight takes in memory.
    layers, width, vocabulary : int
        Blocks, size of a hidden state, tokens known.
    tokens_per_row : float
        On average.
    rows_per_step : int
        Learned together.
    device : str
        Where it is computed, such as "cpu".
    rate : float or None, default None
        Operations a second of its matrix products; None are those of torch.
    efficiency : float, default 0.7
        Share of this rate that training reaches.
    """

    n_parameters: int
    n_trained: int
    n_multiplied: int
    weight_bytes: float
    layers: int
    width: int
    vocabulary: int
    tokens_per_row: float
    rows_per_step: int
    device: str
    rate: float | None = None
    efficiency: float = 0.7


@dataclass(frozen=True)
class Cost:
    """What a fit takes, about.

    Attributes
    ----------
    size : ModelSize
        Of the model.
    seconds_per_epoch : float
        For one pass over the rows.
    memory, free : int
        Bytes that training needs, and that there are.
    epochs : float or None
        Passes that the time limit allows; None without one.
    """

    size: ModelSize
    seconds_per_epoch: float
    memory: int
    free: int
    epochs: float | None

    @property
    def advice(self) -> str:
        """What to change, in a sentence; empty if nothing."""
        if self.memory > self.free:
            return (
                "This needs more memory than is free: take a smaller model, adapters, fewer bits, "
                "or a smaller batch_size."
            )
        if self.epochs is not None and self.epochs < 1:
            return (
                f"The time is enough for {self.epochs:.0%} of the rows once: allow "
                f"{3 * self.seconds_per_epoch:.0f} seconds for three passes, or take a smaller "
                "model or fewer rows."
            )
        return ""


def cost_of(size: ModelSize, n_rows: int, max_seconds: float | None) -> Cost:
    """Return what a fit takes, by the rate at which the device multiplies matrices just now.

    Parameters
    ----------
    size : ModelSize
        Of the model.
    n_rows : int
        Of the table.
    max_seconds : float or None
        The time limit.

    Examples
    --------
    >>> size = ModelSize(10**6, 10**6, 10**6, 4, 2, 64, 500, 20.0, 32, "cpu")
    >>> cost = cost_of(size, n_rows=100, max_seconds=60.0)
    >>> cost.memory > 16 * 10**6, cost.epochs > 1, cost.advice
    (True, True, '')
    """
    import torch

    from tabwidget.backends.devices import free_memory

    operations = (FORWARD + BACKWARD) * size.n_multiplied + OWN * size.n_trained
    rate = matmul_rate(size.device) if size.rate is None else size.rate
    seconds = operations * size.tokens_per_row * n_rows / (size.efficiency * rate)
    tokens = size.tokens_per_row * size.rows_per_step
    activations = 4 * tokens * (ACTIVATIONS * size.layers * size.width + LOGITS * size.vocabulary)
    memory = size.n_parameters * size.weight_bytes + size.n_trained * OPTIMIZER_BYTES + activations
    return Cost(
        size,
        seconds,
        int(memory),
        free_memory(torch.device(size.device)),
        None if max_seconds is None else max_seconds / max(seconds, 1e-9),
    )


def matmul_rate(device: str) -> float:
    """Return the operations a second of matrix products on a device; the fastest of a few.

    Examples
    --------
    >>> matmul_rate("cpu") > 1e6
    True
    """
    import torch

    width = MATRIX[device == "cpu"]
    a = torch.ones(width, width, device=device)
    # Reading a number waits for the device to be done.
    return fastest(width, lambda: float((a @ a)[0, 0]))


def fastest(width: int, product: Callable[[], object]) -> float:
    """Return the operations a second of a product of two square matrices.

    Parameters
    ----------
    width : int
        Of the matrices.
    product : callable
        Computes it once, and returns when it is done.
    """
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - began)
    return 2 * width**3 / min(seconds)
