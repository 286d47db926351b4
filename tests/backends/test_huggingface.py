"""The Hugging Face engine on tiny random models, through the seam that all engines share."""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
pytest.importorskip("peft", reason="the extra 'hf' is not installed")

from transformers import AutoModelForCausalLM

from tabwidget.backends import Backend, FitRequest
from tabwidget.backends.huggingface import HFBackend
from tabwidget.backends.huggingface.engine import HFEngine
from tabwidget.backends.huggingface.loading import load
from tabwidget.backends.huggingface.training import Learner
from tabwidget.config import LoRAConfig, ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.events import EvalReport, Event, FitEnd, FitStart, TrainExamples, TrainReport
from tabwidget.model import TabularLanguageModel
from tabwidget.serialize import (
    BracketSerializer,
    JSONSerializer,
    Serializer,
    resolve_serializer,
)
from tabwidget.table import Table
from tabwidget.textlm import RowTokens, TextSupport, collated, log_probabilities
from tabwidget.values import plain
from tests.textlm.tiny import save_tiny

Floats = np.ndarray[Any, np.dtype[np.float64]]
LORA = LoRAConfig(rank=4, alpha=8)


def toy(n: int = 60) -> Table:
    """Return a letter, a number that it moves, a coin, and a day; some cells are missing."""
    rng = np.random.default_rng(0)
    letter = rng.choice(list("ab"), n)
    number = np.where(letter == "a", 0.0, 10.0) + rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "letter": letter,
            "number": number.round(1),
            "coin": rng.random(n) < 0.5,
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 90, n), "D"),
        }
    )
    frame.loc[::7, "number"] = np.nan
    return Table(frame, "toy")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


def fitted(
    folder: Path,
    backend: HFBackend | None = None,
    *,
    table: Table | None = None,
    targets: tuple[str, ...] = (),
    lora: LoRAConfig | None = None,
    serializer: Serializer | None = None,
    seed: int = 0,
    resume: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    emit: Callable[[Event], None] | None = None,
    **training: Any,
) -> tuple[HFBackend, list[Event]]:
    events: list[Event] = []
    backend = backend or HFBackend(ModelConfig(model=str(folder), lora=lora))
    settings = {"max_steps": 4, "learning_rate": 3e-3, "warmup_steps": 1, "batch_size": 8}
    config = TrainingConfig(**{**settings, **training})
    config.validate()
    request = FitRequest(
        table or toy(),
        targets,
        config,
        serializer or JSONSerializer(),
        seed,
        resume,
        emit or events.append,
        stopped,
    )
    backend.fit(request)
    return backend, events


@pytest.fixture(scope="module")
def toy_fit(tiny: Path) -> tuple[HFBackend, list[Event]]:
    return fitted(tiny, targets=("letter",), max_steps=60)


def engine_of(backend: HFBackend) -> HFEngine:
    engine: HFEngine = backend._engine  # type: ignore[assignment]
    return engine


def tokens_of(backend: HFBackend) -> RowTokens:
    return backend._ready_answers().tokens


def rows_of(table: Table) -> Floats:
    return table.schema.rows(table.frame)


def weights_of(backend: HFBackend) -> dict[str, Floats]:
    return backend.state()[1]


def full(engine: HFEngine, ids: tuple[int, ...]) -> torch.Tensor:
    """Return the log-probabilities of every next token, by the whole model."""
    with torch.no_grad():
        logits = engine.model(input_ids=torch.tensor([ids])).logits[0]
    return logits.float().log_softmax(1)


def test_it_is_a_backend(tiny: Path) -> None:
    backend = HFBackend(ModelConfig(model=str(tiny)))
    assert isinstance(backend, Backend)
    assert not backend.ready
    with pytest.raises(NotFittedError):
        backend.predict(np.empty((1, 4)), [0])


# Scores


@pytest.mark.parametrize("target", [0, 1, 2, 3])
def test_the_trie_says_what_one_full_forward_for_each_candidate_says(
    toy_fit: tuple[HFBackend, list[Event]], target: int
) -> None:
    backend = toy_fit[0]
    engine, tokens = engine_of(backend), tokens_of(backend)
    assert engine.by_tree
    rows = rows_of(toy())[:5]
    prompts = [tokens.prompt(row, [2, 0, 3, 1], target) for row in rows]
    sequences = TextSupport.of(tokens, target).sequences[::9]
    found = log_probabilities(engine, prompts, sequences)
    for prompt, scores in zip(prompts, found, strict=True):
        for sequence, score in zip(sequences, scores, strict=True):
            logs = full(engine, prompt + sequence)[len(prompt) - 1 : -1]
            told = logs.gather(1, torch.tensor(sequence)[:, None]).sum()
            assert score == pytest.approx(float(told), abs=1e-4)


def test_a_model_that_cannot_read_a_trie_is_run_for_each_sequence(
    toy_fit: tuple[HFBackend, list[Event]], tiny: Path
) -> None:
    backend = toy_fit[0]
    rows, targets = rows_of(toy())[:3], np.array([0, 1, 2])
    expected = backend.predict(rows, targets).probabilities
    engine = engine_of(backend)
    engine.by_tree = False
    try:
        found = backend.predict(rows, targets).probabilities
    finally:
        engine.by_tree = True
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_engine_that_scores_wrongly_by_the_trie_says_so_and_does_not(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HFEngine, "_read", lambda self, hidden, at, tokens: np.zeros((2, len(at))))
    with pytest.warns(UserWarning, match="cannot read a trie"):
        engine = HFEngine(load(ModelConfig(model=str(tiny))))
    assert not engine.by_tree


def test_an_answer_does_not_depend_on_the_batch(toy_fit: tuple[HFBackend, list[Event]]) -> None:
    backend = toy_fit[0]
    rows, targets = rows_of(toy())[:12], np.arange(12) % 4
    together = backend.predict(rows, targets)
    engine = engine_of(backend)
    most, engine.most_tokens = engine.most_tokens, 1
    try:
        alone = backend.predict(rows, targets)
    finally:
        engine.most_tokens = most
    np.testing.assert_allclose(alone.probabilities, together.probabilities, atol=1e-5)
    np.testing.assert_allclose(together.probabilities.sum(axis=1), 1.0)


def test_the_cell_asked_for_is_not_looked_at(toy_fit: tuple[HFBackend, list[Event]]) -> None:
    rows = rows_of(toy())[:4]
    hidden = rows.copy()
    hidden[:, 0] = np.nan
    found = [toy_fit[0].predict(each, np.zeros(4, dtype=int)) for each in (rows, hidden)]
    np.testing.assert_array_equal(found[0].probabilities, found[1].probabilities)


def test_a_chain_sums_to_one_over_all_values(toy_fit: tuple[HFBackend, list[Event]]) -> None:
    rows = np.full((4, 4), np.nan)
    rows[:, 0], rows[:, 2] = [0, 0, 1, 1], [0, 1, 0, 1]
    total = sum(float(np.exp(toy_fit[0].chain(row[None]).sum())) for row in rows)
    assert total == pytest.approx(1.0, abs=1e-5)


def test_a_cell_that_holds_the_name_of_a_special_token_is_text(tiny: Path) -> None:
    frame = pd.DataFrame({"mark": ["</s>", "<s>"] * 5, "n": [1, 2] * 5})
    tokens = tokens_of(fitted(tiny, table=Table(frame), max_steps=1)[0])
    assert not {0, 1} & set(tokens.value(0, 0.0) + tokens.value(0, 1.0))


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_less_precision_says_about_the_same(tiny: Path, lora: LoRAConfig | None) -> None:
    found = []
    for precision in ("fp32", "bf16"):
        config = ModelConfig(model=str(tiny), lora=lora, precision=precision)
        backend, _ = fitted(tiny, HFBackend(config), max_steps=2)
        assert engine_of(backend).by_tree
        found.append(backend.predict(rows_of(toy())[:4], [0, 0, 2, 2]).probabilities)
    np.testing.assert_allclose(found[0], found[1], atol=0.1)


def test_a_copy_answers_the_same(toy_fit: tuple[HFBackend, list[Event]]) -> None:
    rows = rows_of(toy())[:2]
    found = [each.predict(rows, [0, 1]) for each in (toy_fit[0], copy.deepcopy(toy_fit[0]))]
    np.testing.assert_array_equal(found[0].probabilities, found[1].probabilities)


# Losses


def test_the_loss_is_that_of_the_values_and_their_ends_alone(
    toy_fit: tuple[HFBackend, list[Event]],
) -> None:
    engine, tokens = engine_of(toy_fit[0]), tokens_of(toy_fit[0])
    row = tokens.row(rows_of(toy())[1], [3, 1, 0, 2])
    logs = full(engine, tuple(row.ids.tolist()))
    told = [-float(logs[i - 1, row.ids[i]]) for i in np.flatnonzero(row.owner >= 0)]
    assert loss_of(engine, tokens, [row]) == pytest.approx(sum(told) / 4, abs=1e-5)


def loss_of(engine: HFEngine, tokens: RowTokens, rows: list[Any]) -> float:
    made = collated(rows, np.ones(len(tokens.columns)))
    names = ("ids", "at", "labels", "weights", "cells")
    with engine.computing():
        found = Learner(engine).eval()(**{name: torch.from_numpy(made[name]) for name in names})
    return float(found["loss"])


def test_padding_has_no_part_in_the_loss(toy_fit: tuple[HFBackend, list[Event]]) -> None:
    engine, tokens = engine_of(toy_fit[0]), tokens_of(toy_fit[0])
    long = tokens.row(rows_of(toy())[1], [0, 1, 2, 3])
    short = tokens.row([0.0, np.nan, np.nan, np.nan], [0, 1, 2, 3])
    alone = loss_of(engine, tokens, [long]) * 4 + loss_of(engine, tokens, [short])
    assert loss_of(engine, tokens, [short, long]) == pytest.approx(alone / 5, abs=1e-5)


def test_no_token_is_told_by_what_stands_after_it(
    toy_fit: tuple[HFBackend, list[Event]],
) -> None:
    engine, tokens = engine_of(toy_fit[0]), tokens_of(toy_fit[0])
    rows = [tokens.row([0.0, 3.0, last, np.nan], [1, 0, 2, 3]).ids for last in (0.0, 1.0)]
    shortest = min(map(len, rows))
    same = int(np.argmax(rows[0][:shortest] != rows[1][:shortest]))
    assert same > 10
    with engine.computing():
        found = [engine.logits_at(torch.from_numpy(ids)[None], torch.arange(same)) for ids in rows]
    torch.testing.assert_close(found[0], found[1])


def test_the_target_alone_is_learned_if_asked(tiny: Path) -> None:
    _, events = fitted(tiny, targets=("letter",), loss_on_target_only=True, max_steps=2)
    looks = [event for event in events if isinstance(event, EvalReport)]
    assert all(set(look.column_losses) == {"letter"} for look in looks)


# Fits


def test_it_learns_what_moves_what(tiny: Path) -> None:
    letter = toy(80).frame["letter"]
    frame = pd.DataFrame({"letter": letter, "size": letter.map({"a": 0, "b": 10})})
    table = Table(frame.assign(coin=toy(80).frame["coin"]))
    backend, _ = fitted(
        tiny,
        table=table,
        targets=("letter",),
        max_steps=200,
        learning_rate=1e-2,
        lr_scheduler="linear",
        warmup_steps=10,
    )
    rows = rows_of(table)
    found = backend.predict(rows, np.zeros(80, dtype=int)).probabilities
    assert (found.argmax(axis=1) == rows[:, 0]).mean() > 0.9


def test_the_loss_of_rows_held_out_falls(toy_fit: tuple[HFBackend, list[Event]]) -> None:
    losses = [event.loss for event in toy_fit[1] if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0] / 2


def test_it_tells_what_the_default_engine_tells(toy_fit: tuple[HFBackend, list[Event]]) -> None:
    events = toy_fit[1]
    start, end = events[0], events[-1]
    assert isinstance(start, FitStart)
    assert isinstance(end, FitEnd)
    assert (start.engine, start.n_train, start.n_holdout) == ("huggingface", 54, 6)
    assert (end.reason, end.step) == ("steps", 60)
    assert {type(event) for event in events[1:-1]} == {EvalReport, TrainExamples, TrainReport}
    looks = [event for event in events if isinstance(event, EvalReport)]
    assert end.best_loss == min(look.loss for look in looks)
    assert set(looks[0].column_losses) == {"letter", "number", "coin", "day"}


def test_the_best_weights_are_kept(tiny: Path) -> None:
    # A rate so high that it gets worse: what is left is the model as it was before.
    before = weights_of(fitted(tiny, max_steps=1, learning_rate=1e-9)[0])
    after = weights_of(fitted(tiny, max_steps=6, learning_rate=50.0, max_grad_norm=None)[0])
    for name, weight in before.items():
        np.testing.assert_allclose(after[name], weight, atol=1e-6)


def test_the_same_seed_gives_the_same_weights_and_another_others(tiny: Path) -> None:
    one, same, other = (weights_of(fitted(tiny, seed=seed)[0]) for seed in (0, 0, 1))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not all(np.array_equal(one[name], other[name]) for name in one)


def test_the_global_random_states_are_left_alone(tiny: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    fitted(tiny, max_steps=1)
    assert torch.equal(torch.rand(1), expected)


def test_it_ends_at_once_when_stopped_and_goes_on_when_resumed(tiny: Path) -> None:
    steps = 0

    def stopped() -> bool:
        nonlocal steps
        steps += 1
        return steps == 7

    backend, events = fitted(tiny, max_steps=500, stopped=stopped)
    end = events[-1]
    assert isinstance(end, FitEnd)
    assert (end.reason, end.step) == ("stopped", 7)
    _, more = fitted(tiny, backend, resume=True, max_steps=10)
    first = next(event for event in more if isinstance(event, EvalReport))
    assert first.loss == pytest.approx(end.best_loss, abs=1e-5)
    last = more[-1]
    assert isinstance(last, FitEnd)
    assert last.best_loss < end.best_loss


def test_seconds_and_epochs_are_limits(tiny: Path) -> None:
    began = time.perf_counter()
    _, events = fitted(tiny, max_steps=None, max_seconds=1.0)
    assert time.perf_counter() - began < 4
    end = events[-1]
    assert isinstance(end, FitEnd)
    assert end.reason == "budget"
    assert end.seconds < 1.5
    _, events = fitted(tiny, max_steps=None, epochs=2)
    end = events[-1]
    assert isinstance(end, FitEnd)
    assert (end.reason, end.step) == ("epochs", 2 * 7)


def test_without_limits_it_ends_once_the_loss_no_longer_falls(tiny: Path) -> None:
    _, events = fitted(tiny, max_steps=None, learning_rate=1e-9)
    end = events[-1]
    assert isinstance(end, FitEnd)
    assert end.reason == "converged"


@pytest.mark.parametrize(
    "training",
    [
        {"grad_accumulation_steps": 2, "lr_scheduler": "cosine", "warmup_ratio": 0.2},
        {"augmentation_factor": 3, "optimizer": "adafactor", "lr_scheduler": "constant"},
        {"gradient_checkpointing": True, "neftune_noise_alpha": 5.0, "label_smoothing": 0.1},
    ],
    ids=str,
)
@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_settings_are_honoured(
    tiny: Path, lora: LoRAConfig | None, training: dict[str, Any], recwarn: Any
) -> None:
    settings = dict(training)
    if "warmup_ratio" in settings:
        settings["warmup_steps"] = 20
    _, events = fitted(tiny, lora=lora, max_steps=3, **settings)
    assert isinstance(events[-1], FitEnd)
    assert not [w for w in recwarn if "no effect" in str(w.message)]


def test_settings_without_effect_are_named(tiny: Path) -> None:
    backend = HFBackend(ModelConfig(model=str(tiny), width=32))
    with pytest.warns(UserWarning, match="muon") as caught:
        fitted(tiny, backend, max_steps=1, optimizer="muon")
    assert any("ModelConfig.width=32 has no effect" in str(w.message) for w in caught)


def test_free_text_is_named_as_not_read(tiny: Path) -> None:
    words = ["a", "cat", "that", "sleeps", "on", "the", "mat", "dog", "runs", "after", "it"]
    rng = np.random.default_rng(0)
    frame = toy().frame.assign(note=[" ".join(rng.choice(words, 7)) for _ in range(60)])
    with pytest.warns(UserWarning, match="does not read free text yet: note"):
        backend, _ = fitted(tiny, table=Table(frame), max_steps=1)
    rows = rows_of(Table(frame))[:2]
    assert backend.chain(rows).shape == rows.shape


def test_it_can_be_asked_while_it_is_trained(tiny: Path) -> None:
    backend = HFBackend(ModelConfig(model=str(tiny)))
    answers: list[Floats] = []
    ended = threading.Event()

    def ask() -> None:
        while not backend.ready:
            time.sleep(0.01)
        for _ in range(3):
            answers.append(backend.predict(rows_of(toy())[:2], [0, 1]).probabilities)
        ended.set()

    asking = threading.Thread(target=ask)
    asking.start()
    fitted(tiny, backend, max_steps=2_000, stopped=ended.is_set, lr_scheduler="constant")
    asking.join()
    assert len(answers) == 3


def test_a_callback_can_ask_too(tiny: Path) -> None:
    backend = HFBackend(ModelConfig(model=str(tiny)))
    answers: list[Floats] = []

    def emit(event: Event) -> None:
        if isinstance(event, TrainReport):
            answers.append(backend.predict(rows_of(toy())[:1], [0]).probabilities)

    fitted(tiny, backend, max_steps=2, emit=emit)
    assert answers


# Adapters, saving


def test_adapters_alone_are_trained_and_saved(tiny: Path) -> None:
    backend, _ = fitted(tiny, lora=LORA, max_steps=3)
    arrays = weights_of(backend)
    assert all("lora_" in name for name in arrays)
    base = AutoModelForCausalLM.from_pretrained(tiny)
    name = "model.layers.0.self_attn.q_proj"
    tuned = engine_of(backend).model.get_submodule(name).base_layer.weight
    torch.testing.assert_close(tuned, base.get_submodule(name).weight)


@pytest.mark.parametrize(
    "lora",
    [
        LoRAConfig(rank=2, rslora=True, dora=True),
        LoRAConfig(
            rank=2, target_modules=["q_proj"], rank_pattern={"layers.1.self_attn.q_proj": 3}
        ),
    ],
    ids=["rslora and dora", "patterns"],
)
def test_adapters_of_other_kinds(tiny: Path, lora: LoRAConfig) -> None:
    arrays = weights_of(fitted(tiny, lora=lora, max_steps=1)[0])
    if lora.rank_pattern:
        ranks = {array.shape[0] for name, array in arrays.items() if "lora_A" in name}
        assert ranks == {2, 3}
    else:
        assert any("magnitude" in name for name in arrays)


@pytest.mark.parametrize("bits", [2, 8])
def test_adapters_of_weights_in_few_bits(tiny: Path, bits: int) -> None:
    pytest.importorskip("hqq", reason="the extra 'quant' is not installed")
    config = ModelConfig(model=str(tiny), lora=LORA, quantization=f"{bits}bit", device="cpu")
    backend, events = fitted(tiny, HFBackend(config), max_steps=3)
    layer = engine_of(backend).model.get_submodule("model.layers.0.self_attn.q_proj")
    assert type(layer.base_layer).__name__ == "HQQLinear"
    assert all("lora_" in name for name in weights_of(backend))
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]


def test_a_module_that_the_model_lacks_is_an_error(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="LoRAConfig does not fit"):
        fitted(tiny, lora=LoRAConfig(target_modules=["c_attn"]))


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_what_was_saved_answers_the_same(tiny: Path, lora: LoRAConfig | None) -> None:
    table = toy()
    backend, _ = fitted(tiny, lora=lora, serializer=BracketSerializer())
    content, arrays = backend.state()
    again = HFBackend()
    again.restore(table.schema.inputs, content, arrays)
    rows, targets = rows_of(table)[:8], np.arange(8) % 4
    np.testing.assert_array_equal(
        again.predict(rows, targets).probabilities, backend.predict(rows, targets).probabilities
    )


def test_weights_of_another_model_are_an_error(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content, arrays = fitted(tiny, max_steps=1)[0].state()
    other = save_tiny(tmp_path_factory.mktemp("other"), width=16)
    with pytest.raises(ConfigError, match="do not fit"):
        HFBackend(ModelConfig(model=str(other))).restore(toy().schema.inputs, content, arrays)


def test_new_values_are_taken_in(tiny: Path) -> None:
    backend, _ = fitted(tiny, max_steps=2)
    columns = [
        column.grown(pd.Series(["c"])) if column.name == "letter" else column
        for column in toy().schema.inputs
    ]
    backend.grow(columns)
    found = backend.predict(np.full((1, 4), np.nan), [0]).probabilities[0]
    assert found[:3].sum() == pytest.approx(1.0)
    assert found[2] > 0


def test_rows_held_out_are_answered(toy_fit: tuple[HFBackend, list[Event]]) -> None:
    table = toy()
    numbers, found = toy_fit[0].held_out(rows_of(table), 0)
    assert len(numbers) == len(found) == 6
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


# Loading


def test_a_loaded_model_is_not_changed_by_a_fit(tiny: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    for given in (model, lambda: AutoModelForCausalLM.from_pretrained(tiny)):
        backend = HFBackend(ModelConfig(model=given, tokenizer=str(tiny)))
        fitted(tiny, backend, max_steps=1)
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight, before[name])


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no folder './nowhere/model'.*save_pretrained"):
        load(ModelConfig(model="./nowhere/model"))


def test_a_folder_that_holds_no_model_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be loaded.*config\.json"):
        load(ModelConfig(model=str(tmp_path)))


def test_few_bits_need_adapters(tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"give lora=LoRAConfig\(\)"):
        load(ModelConfig(model=str(tiny), quantization="4bit"))


def test_rows_that_are_too_long_are_an_error(tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokens, more than max_seq_length=10"):
        fitted(tiny, max_seq_length=10)
    with pytest.raises(ConfigError, match="the model reads 20 at most"):
        fitted(save_tiny(tmp_path, length=20))


# Through the model of a table, and for real


def test_a_table_is_learned_asked_and_saved_through_the_model(tiny: Path) -> None:
    training = TrainingConfig(max_steps=3, batch_size=8)
    backend = HFBackend(ModelConfig(model=str(tiny)))
    lm = TabularLanguageModel(backend=backend, training=training, random_state=0)
    lm.fit(toy().frame)
    assert lm.sample(3, random_state=0).notna().all(axis=None)
    assert lm.conditional("number", {"letter": "a"}).probabilities.sum() == pytest.approx(1.0)
    assert np.isfinite(lm.log_likelihood(toy().frame.head(3))).all()


@pytest.mark.parametrize("serializer", ["json", "key-value", "bracket"])
def test_no_row_of_an_untrained_model_is_malformed(tiny: Path, serializer: str) -> None:
    training = TrainingConfig(max_steps=1, learning_rate=1e-9)
    backend = HFBackend(ModelConfig(model=str(tiny)))
    lm = TabularLanguageModel(backend, serializer, training, random_state=0).fit(toy().frame)
    rows = lm.sample(3_400, random_state=0)
    written = resolve_serializer(serializer)
    for name in rows:
        column = lm.schema[str(name)]
        assert (column.cells(column.numbers(rows[name])) >= 0).all()
    for row in rows.to_dict("records"):
        cells = {str(name): plain(value) for name, value in row.items()}
        assert written.parse(written.serialize(cells).text) == cells


@pytest.mark.skipif(
    "TABWIDGET_SMOLLM2" not in os.environ, reason="TABWIDGET_SMOLLM2 names no folder"
)
def test_a_real_model_gets_better_by_adapters() -> None:
    _, events = fitted(
        Path(os.environ["TABWIDGET_SMOLLM2"]),
        lora=LORA,
        table=Table(toy().frame[["letter", "coin"]]),
        max_steps=5,
        learning_rate=1e-3,
    )
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]
