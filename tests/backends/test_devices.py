"""Tests of devices, precisions and free memory."""

from __future__ import annotations

import pytest
import torch

from tabwidget.backends.devices import device_of, dtype_of, free_memory
from tabwidget.errors import ConfigError


def test_auto_is_the_fastest_device_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device_of("auto").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of("auto").type == "cuda"


def test_each_process_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device_of("cuda") == torch.device("cuda:1")


def test_a_missing_device_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"no device 'cuda': use one of 'auto',.*'cpu'"):
        device_of("cuda")


def test_precision_depends_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.device("cuda")
    assert dtype_of("auto", torch.device("cpu")) is torch.float32
    assert dtype_of("bf16", torch.device("cpu")) is torch.bfloat16
    for able, dtype in ((True, torch.bfloat16), (False, torch.float16)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda able=able: able)
        assert dtype_of("auto", cuda) is dtype


def test_free_memory_is_in_bytes() -> None:
    assert free_memory(torch.device("cpu")) > 2**20
