"""Cost: estimates of a fit's time and memory, from sizes alone.

With N weights multiplied with every token, N_t trained weights, T tokens per row, n rows, L layers
of width W, V tokens in the vocabulary, b rows per step and o small operations per step::

    seconds per epoch = (4 * N + 2 * N_t) * T * n / (efficiency * rate)
                        + n / b * o * seconds of a small operation
    memory = bytes of all weights + 12 * N_t + 4 * T * b * (20 * L * W + 3 * V)
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "MATRIX",
    "Cost",
    "ModelSize",
    "cost_of",
    "matmul_rate",
    "product_rate",
    "small_operation_seconds",
]

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
    small_operations : int, default 0
        Operations per step, forward and backward, that take a time of their own however small they
        are; most of the time of a small model.
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
    small_operations: int = 0


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
    from tabwidget.backends.threads import few_threads

    operations = (FORWARD + BACKWARD) * size.n_multiplied + WEIGHT_GRADIENT * size.n_trained
    # Models from scratch are trained with few threads.
    with few_threads() if size.small_operations else contextlib.nullcontext():
        rate = matmul_rate(size.device) if size.rate is None else size.rate
        small = small_operation_seconds(size.device) if size.small_operations else 0.0
    seconds = operations * size.tokens_per_row * n_rows / (size.efficiency * rate)
    seconds += max(1.0, n_rows / size.rows_per_step) * size.small_operations * small
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
    return product_rate(width, lambda: float((a @ a)[0, 0]))


def small_operation_seconds(device: str) -> float:
    """Return the seconds of a small matrix product, forward and backward: lower quartile of 30.

    Examples
    --------
    >>> 0 < small_operation_seconds("cpu") < 1
    True
    """
    import torch

    a = torch.ones(32, 32, device=device, requires_grad=True)
    seconds = []
    for _ in range(30):
        began = time.perf_counter()
        (a @ a).relu().sum().backward()
        seconds.append(time.perf_counter() - began)
    return statistics.quantiles(seconds, n=4)[0]


def product_rate(width: int, product: Callable[[], object]) -> float:
    """Return the operations per second of a product of square matrices: lower quartile of eight.

    Not the best: what other programs take of the processor, a fit cannot have.

    Parameters
    ----------
    width : int
        Size of the matrices.
    product : callable
        Computes the product once, and returns when it is done.
    """
    seconds = []
    for _ in range(8):
        began = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - began)
    return 2 * width**3 / statistics.quantiles(seconds, n=4)[0]
