"""The task panel: settings from its form, previews and costs."""

from __future__ import annotations

import pytest

from tabwidget.config import LoRAConfig, ModelConfig
from tests.widgets.conftest import Bench


def test_choices_are_made_and_wrong_ones_named(bench: Bench) -> None:
    assert "ok" in bench("choose", {"serializer": "bracket"})
    assert bench.session.serializer == "bracket"
    assert "g" in bench("choose", {"target": "G"})["error"]
    assert "random_state" in bench("choose", {"random_state": 1})["error"]
    assert "seconds" in bench("choose", {"max_seconds": None})["error"]


def test_a_preview_says_where_each_cell_stands(bench: Bench) -> None:
    ok = bench("preview", {"row": 1, "draw": 3})["ok"]
    for span in ok["spans"]:
        assert span["column"] in ok["text"][slice(*span["name"])]
    values = {span["column"]: ok["text"][slice(*span["value"])] for span in ok["spans"]}
    assert values["g"].strip('"') == "a"


def test_a_pretrained_backend_begins_with_adapters_and_its_parts_are_chosen_one_by_one(
    bench: Bench,
) -> None:
    assert "ok" in bench("choose", {"backend": "huggingface"})
    assert bench.session.model_config == ModelConfig(lora=LoRAConfig())
    assert "ok" in bench("choose", {"model": " a/model "})
    assert "ok" in bench("choose", {"rank": 8})
    assert "ok" in bench("choose", {"quantization": "4bit"})
    assert bench.session.model_config == ModelConfig(
        model="a/model", lora=LoRAConfig(rank=8, alpha=16), quantization="4bit"
    )
    settings = bench.feed.refresh({"task"})["task"]["settings"]
    assert settings == {
        **{"target": "g", "serializer": "json"},
        **{"backend": "huggingface", "model": "a/model"},
        **{"rank": 8, "quantization": "4bit"},
    }
    assert "ok" in bench("choose", {"rank": None, "quantization": None, "model": ""})
    assert bench.session.model_config == ModelConfig()
    assert "ok" in bench("choose", {"backend": "minilm"})
    assert bench.session.model_config is None


def test_a_wrong_part_of_a_model_is_one_readable_error(bench: Bench) -> None:
    assert "ok" in bench("choose", {"backend": "huggingface"})
    assert "LoRAConfig.rank must be" in bench("choose", {"rank": -3})["error"]
    assert "quantization" in bench("choose", {"quantization": "5bit"})["error"]
    assert bench.session.model_config == ModelConfig(lora=LoRAConfig())


def test_a_preview_says_where_tokens_end_and_a_cost_what_training_takes(bench: Bench) -> None:
    assert bench("preview", {"row": 0, "draw": 0})["ok"]["tokens"] == []
    assert "ok" in bench("choose", {"backend": "minilm-text"})
    found = bench("preview", {"row": 0, "draw": 0})["ok"]
    ends = [end for end, _ in found["tokens"]]
    assert ends == sorted(ends)
    assert ends[-1] == len(found["text"])
    assert {learned for _, learned in found["tokens"]} == {True, False}
    cost = bench("cost")["ok"]["cost"]
    assert cost["n_trained"] == cost["n_parameters"] > 0
    assert cost["tokens_per_row"] > 2


def test_backends_that_lack_something_are_offered_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tabwidget.backends.registry.find_spec", lambda name: None)
    offers = Bench().feed.refresh({"task"})["task"]["offers"]
    commands = {backend["name"]: backend["command"] for backend in offers["backends"]}
    assert commands["huggingface"] == "pip install 'tabwidget[hf]'"
    assert commands["minilm"] == ""
