"""The YAML config: the documented keys, errors, and the round trip to YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tabwidget.config import LoRAConfig, QuantizationConfig
from tabwidget.errors import ConfigError, DataFileError, require
from tabwidget.textclass import TextClassConfig

yaml = require("yaml", "textclass")  # it has no types

MINIMAL: dict[str, Any] = {
    "data": {"dataset_name": "mail", "train_csv": "mail.csv"},
    "model": {"model_name": "gpt2"},
}
# As documented.
DOCUMENTED = """
data:
  dataset_name: "amazon_13k"
  id_column: "uid"
  text_fields:
  target_text_column: "text"
  max_length: 1024
  train_csv: "llm_cls/data/train_top10.csv"
  val_csv: "llm_cls/data/validation_top10.csv"
  test_csv: "llm_cls/data/test_top10.csv"
  label_columns:
    - "books"
    - "movies_tv"
    - "used_rental_textbooks"

model:
  model_name: "meta-llama/Llama-3.2-1B"
  hf_token: null         # or set HF_TOKEN env var
  problem_type: "multi_label_classification"
  use_4bit: true
  torch_dtype: "bfloat16"
  lora_r: 2
  lora_alpha: 2
  lora_dropout: 0.05
  lora_target_modules: ["q_proj","k_proj","v_proj","o_proj","gate_proj","down_proj","up_proj"]

train:
  batch_size: 4
  num_train_epochs: 20
  learning_rate: 0.0002
  weight_decay: 0.01
  gradient_accumulation_steps: 8
  early_stopping_patience: 2
  metric_for_best_model: "f1_micro"
  save_total_limit: 1
  optim_8bit_when_4bit: true
  report_to: ['tensorboard']  # e.g., ["wandb"]

exp:
  output_root: "outputs"
  seeds: [1, 3, 4, 5]
  run_name: null
"""


def changed(**sections: dict[str, Any]) -> dict[str, Any]:
    return MINIMAL | {name: MINIMAL.get(name, {}) | keys for name, keys in sections.items()}


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_the_documented_config_is_read(tmp_path: Path) -> None:
    config = TextClassConfig.read(write(tmp_path, DOCUMENTED))
    assert config.data.text_columns == ("text",)
    assert config.data.test_csv == Path("llm_cls/data/test_top10.csv")
    assert config.model.n_bits == 4
    assert config.model.quantization == QuantizationConfig(bits=4)
    assert config.model.lora == LoRAConfig(
        rank=2, alpha=2, dropout=0.05, target_modules=config.model.lora_target_modules
    )
    assert config.model.lora_target_modules == (
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj", "up_proj"
    )  # fmt: skip
    assert config.exp.seeds == (1, 3, 4, 5)
    # The other keys of its train section are at their defaults.
    assert config.train == TextClassConfig.of(MINIMAL).train


def test_a_string_is_a_list_of_one_and_none_a_section_of_defaults() -> None:
    data = {"text_fields": "body", "label_columns": "kind"}
    config = TextClassConfig.of(
        changed(data=data, train={"report_to": None, "learning_rate": "2e-5"}) | {"exp": None}
    )
    assert config.data.text_columns == ("body",)
    assert config.data.label_columns == ("kind",)
    assert (config.train.report_to, config.train.learning_rate) == ((), 2e-5)
    assert config.exp.seeds == (1,)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, r"c: data is missing: add it\nc: model is missing: add it$"),
        ([], "c: give the sections data, model, train, exp"),
        (MINIMAL | {"trian": {}}, r"c: trian is not a key\. Did you mean 'train'\?"),
        (MINIMAL | {"lora_r": 2}, r"c: lora_r is not a key\. Write it under 'model'\.$"),
        (MINIMAL | {1: {}}, r"c: 1 is not a key\.$"),
        (MINIMAL | {"train": 3}, "c: train is 3: it should be a section, with keys"),
        (changed(train={"lerning_rate": 1}), r"train\.lerning_rate is not .* mean 'learning_rate'"),
        (changed(train={"lora_r": 1}), r"train\.lora_r is not a key\. Write it under 'model'\.$"),
        (changed(train={"xyz": 1}), r"train\.xyz is not a key\.$"),
        (changed(train={"batch_size": 0}), r"train\.batch_size is 0: it should be greater than or"),
        (changed(train={"batch_size": 1.5}), r"train\.batch_size is 1\.5: it should be a valid"),
        (changed(train={"learning_rate": "x"}), r"train\.learning_rate is 'x': it should be a val"),
        (changed(train={"learning_rate": float("inf")}), r"is inf: it should be a finite number"),
        (changed(train={"class_weights": "yes"}), r"is 'yes': it should be 'none' or 'balanced'"),
        (changed(data={"label_columns": []}), r"label_columns is \[\]: .*at least 1 item"),
        (changed(data={"label_columns": ["a", False]}), r"columns\[1\] is False: .* it in quotes"),
        (changed(data={"label_columns": ["a", "a"]}), r"it should hold 'a' only once"),
        (changed(data={"label_columns": 3}), r"label_columns is 3: it should be a list"),
        (changed(data={"label_columns": ["text", "b"]}), r"data\.label_columns holds 'text', whi"),
        (
            changed(data={"label_columns": ["a", "b"], "label_delimiter": ";"}),
            r"data\.label_delimiter is ';', but there are 2 label columns: leave it out, or name",
        ),
        (changed(data={"encoding": "utf-9"}), r"encoding is 'utf-9': it should be an encoding,"),
        (changed(data={"encoding": "base64"}), r"encoding is 'base64': it should be an encoding"),
        (changed(data={"dataset_name": "../a"}), r"'\.\./a': it should be the name of a folder"),
        (changed(data={"val_fraction": 1}), r"val_fraction is 1: it should be less than 1"),
        (changed(model={"bits": 5}), r"model\.bits is 5: it should be 2, 3, 4 or 8"),
        (changed(model={"use_4bit": True, "bits": 8}), r"model\.bits is 8, but use_4bit is true"),
        (changed(model={"use_4bit": True, "lora_r": 0}), r"model\.lora_r is 0, but weights of 4 b"),
        (changed(model={"lora_target_modules": 3}), r"model\.lora_target_modules is 3: it should"),
        (changed(exp={"seeds": [1, 1]}), r"exp\.seeds is \[1, 1\]: it should hold 1 only once"),
        (changed(exp={"seeds": [-1]}), r"exp\.seeds\[0\] is -1: it should be greater than"),
    ],
)  # fmt: skip
def test_an_error_names_the_key_the_value_and_the_fix(values: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        TextClassConfig.of(values, "c")
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("data: [1, 2\nmodel: 3\n", r"config\.yaml, line 2 is not YAML: expected ',' or '\]'"),
        ("data:\n\tx: 1\n", r"config\.yaml, line 2 is not YAML: found character '\\t'"),
        ("", r"config\.yaml: give the sections data"),
        ("- 1\n", r"config\.yaml: give the sections data"),
        ("data: &a\n  b: *a\n", r"config\.yaml: data"),
        ("a: \x01\n", r"config\.yaml is not YAML: special characters"),
        (b"data: \xff\n", r"config\.yaml is not UTF-8: save it as UTF-8"),
        ("exp:\n  seeds: [1]\n  seeds: [2]\n", r"config\.yaml, line 3 has the key 'seeds' again"),
        ("exp: !!python/name:os.system\n", r"config\.yaml, line 1 is not YAML: could not determin"),
    ],
)
def test_invalid_yaml_is_named_by_its_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        TextClassConfig.read(write(tmp_path, content))


def test_a_missing_file(tmp_path: Path) -> None:
    write(tmp_path, DOCUMENTED)
    with pytest.raises(DataFileError, match=r"conf\.yaml' cannot be read: No.*'config\.yaml'\?"):
        TextClassConfig.read(tmp_path / "conf.yaml")
    with pytest.raises(DataFileError, match="cannot be read"):
        TextClassConfig.read(tmp_path)


def test_the_token_is_neither_saved_nor_shown(tmp_path: Path) -> None:
    config = TextClassConfig.of(changed(model={"hf_token": "hf_secret"}))
    assert config.model.hf_token == "hf_secret"
    config.write(tmp_path / "config.yaml")
    assert "secret" not in repr(config) + (tmp_path / "config.yaml").read_text()
    for wrong in ({"hf_token": ["hf_secret"]}, {"hf_token": "hf_secret", "bits": 4, "lora_r": 0}):
        with pytest.raises(ConfigError) as caught:
            TextClassConfig.of(changed(model=wrong))
        assert "secret" not in str(caught.value)


def test_a_config_does_not_change() -> None:
    config = TextClassConfig.of(MINIMAL)
    with pytest.raises(ValidationError):
        config.train.batch_size = 2


@given(
    separator=st.text(st.characters(codec="utf-8")),
    columns=st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=3, unique=True),
    rate=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
)
@settings(max_examples=100, deadline=None)
def test_read_returns_what_write_wrote(
    tmp_path_factory: pytest.TempPathFactory, separator: str, columns: list[str], rate: float
) -> None:
    data = {"text_separator": separator, "text_fields": columns}
    config = TextClassConfig.of(changed(data=data, train={"learning_rate": rate}))
    path = tmp_path_factory.getbasetemp() / "config.yaml"
    config.write(path)
    assert TextClassConfig.read(path) == config


def test_every_key_is_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    TextClassConfig.of(MINIMAL).write(path)
    written = yaml.safe_load(path.read_text())
    for name, section in yaml.safe_load(DOCUMENTED).items():
        assert set(section) <= set(written[name])
    assert written["data"]["train_csv"] == "mail.csv"
    assert written["train"]["learning_rate"] == 0.0002
