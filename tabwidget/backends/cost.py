"""Cost: estimates of a fit's time and memory, from sizes alone.

With N weights multiplied with every token, N_t trained weights, T tokens per row, n rows, L layers
of width W, V tokens in the vocabulary and b rows per step::

    seconds per epoch = (4 * N + 2 * N_t) * T * n / (efficiency * rate)
    memory = bytes of all weights + 12 * N_t + 4 * T * b * (20 * L * W + 3 * V)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["MATRIX", "Cost", "ModelSize", "cost_of", "fastest", "matmul_rate"]

# Operations per weight and token; the last for the gradients of trained weights.
FORWARD, BACKWARD, WEIGHT_GRADIENT = 2, 2, 2
OPTIMIZER_BYTES = 12  # per trained weight: its gradient and two moments
ACTIVATIONS = 20  # numbers kept per token and layer, in multiples of the width
LOGITS = 3  # copies at a time
MATRIX = {True: 512, False: 4_096}  # size of the timed product, on a CPU and elsewhere


@dataclass(frozen=True)
class ModelSize:
    """The size of a model, and of the rows it reads.

    Attributes
    ----------
    n_parameters, n_trained : int
        All weights, and the trained ones.
    n_multiplied : int
        Weights that every token is multiplied with.
    weight_bytes : float
        Bytes per weight.
    layers, width, vocabulary : int
        Blocks, size of a hidden state, vocabulary size.
    tokens_per_row : float
        Mean number of tokens.
    rows_per_step : int
        Batch size.
    device : str
        Device of the model, such as "cpu".
    rate : float or None, default None
        Operations per second of its matrix products; measured with torch if None.
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
    """Estimated cost of a fit.

    Attributes
    ----------
    size : ModelSize
        Size of the model.
    seconds_per_epoch : float
        Seconds for one pass over the rows.
    memory, free : int
        Bytes needed for training, and bytes free.
    epochs : float or None
        Epochs within the time limit; None without one.
    """

    size: ModelSize
    seconds_per_epoch: float
    memory: int
    free: int
    epochs: float | None

    @property
    def advice(self) -> str:
        """A sentence on what to change; empty if the fit is affordable."""
        if self.memory > self.free:
            return (
                "This needs more memory than is free: use a smaller model, LoRA adapters, "
                "quantized weights or a smaller batch_size."
            )
        if self.epochs is not None and self.epochs < 1:
            return (
                f"The time limit allows {self.epochs:.0%} of one epoch: allow "
                f"{3 * self.seconds_per_epoch:.0f} seconds for three epochs, or use a smaller "
                "model or fewer rows."
            )
        return ""


def cost_of(size: ModelSize, n_rows: int, max_seconds: float | None) -> Cost:
    """Return the cost of a fit, by the present speed of matrix products on the device.

    Parameters
    ----------
    size : ModelSize
        Size of the model.
    n_rows : int
        Rows of the table.
    max_seconds : float or None
        Time limit.

    Examples
    --------
    >>> size = ModelSize(10**6, 10**6, 10**6, 4, 2, 64, 500, 20.0, 32, "cpu")
    >>> cost = cost_of(size, n_rows=100, max_seconds=60.0)
    >>> cost.memory > 16 * 10**6, cost.epochs > 1, cost.advice
    (True, True, '')
    """
    import torch

    from tabwidget.backends.devices import free_memory

    operations = (FORWARD + BACKWARD) * size.n_multiplied + WEIGHT_GRADIENT * size.n_trained
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
    """Return the operations per second of matrix products on a device.

    Examples
    --------
    >>> matmul_rate("cpu") > 1e6
    True
    """
    import torch

    width = MATRIX[device == "cpu"]
    a = torch.ones(width, width, device=device)
    # Reading a number waits for the device to finish.
    return fastest(width, lambda: float((a @ a)[0, 0]))


def fastest(width: int, product: Callable[[], object]) -> float:
    """Return the operations per second of a product of square matrices, best of four.

    Parameters
    ----------
    width : int
        Size of the matrices.
    product : callable
        Computes the product once, and returns when it is done.
    """
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - began)
    return 2 * width**3 / min(seconds)
