"""Every text backend behaves the same, on tiny models."""

from __future__ import annotations

import copy
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tabwidget._typing import Floats
from tabwidget.backends import Backend
from tabwidget.backends.text.backend import TextBackend
from tabwidget.backends.text.fit import TextFit
from tabwidget.backends.text.rows import RowIds
from tabwidget.backends.text.scoring import log_probabilities
from tabwidget.backends.text.support import TextSupport
from tabwidget.config import TrainingConfig
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    PhaseReport,
    TrainExamples,
    TrainReport,
)
from tabwidget.model import TabularLanguageModel
from tabwidget.serializers import BracketSerializer, resolve_serializer
from tabwidget.table import Table
from tabwidget.table.values import plain
from tests.backends.text.fakes import (
    KINDS,
    fit,
    new_backend,
    rows_of,
    scoring_model_of,
    tokens_of,
    toy,
    weights_of,
)

Fitted = tuple[TextBackend, list[Event]]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def backend(kind: str, tiny: Path) -> TextBackend:
    return new_backend(kind, tiny)


@pytest.fixture(scope="module")
def toy_fit(kind: str, tiny: Path) -> Fitted:
    backend = new_backend(kind, tiny)
    rate = KINDS[kind].rate
    return backend, fit(backend, targets=("letter",), max_steps=60, learning_rate=rate)


def test_it_is_a_backend(backend: TextBackend) -> None:
    assert isinstance(backend, Backend)
    assert not backend.ready
    with pytest.raises(NotFittedError):
        backend.predict(np.empty((1, 4)), [0])


# Scores


@pytest.mark.parametrize("target", [0, 1, 2, 3])
def test_tries_score_as_one_forward_pass_per_sequence(toy_fit: Fitted, target: int) -> None:
    scorer, tokens = scoring_model_of(toy_fit[0]), tokens_of(toy_fit[0])
    assert scorer.tree_attention
    prompts = [tokens.prompt(row, [2, 0, 3, 1], target) for row in rows_of(toy())[:5]]
    sequences = TextSupport.of(tokens, target).sequences[::9]
    found = log_probabilities(scorer, prompts, sequences)
    scorer.tree_attention = False
    try:
        for prompt, scores in zip(prompts, found, strict=True):
            for sequence, score in zip(sequences, scores, strict=True):
                ids = np.array([prompt + sequence])
                at = np.arange(len(prompt) - 1, ids.size - 1)
                expected = scorer.token_log_probabilities(ids, at, np.array(sequence)).sum()
                assert score == pytest.approx(expected, abs=1e-4)
    finally:
        scorer.tree_attention = True


def test_without_tree_attention_the_answers_are_the_same(toy_fit: Fitted) -> None:
    backend = toy_fit[0]
    rows, targets = rows_of(toy())[:3], np.array([0, 1, 2])
    expected = backend.predict(rows, targets).probabilities
    scorer = scoring_model_of(backend)
    scorer.tree_attention = False
    try:
        found = backend.predict(rows, targets).probabilities
    finally:
        scorer.tree_attention = True
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_answer_does_not_depend_on_the_batch(toy_fit: Fitted) -> None:
    backend = toy_fit[0]
    rows, targets = rows_of(toy())[:12], np.arange(12) % 4
    together = backend.predict(rows, targets)
    scorer = scoring_model_of(backend)
    before, scorer.max_batch_tokens = scorer.max_batch_tokens, 1
    try:
        alone = backend.predict(rows, targets)
    finally:
        scorer.max_batch_tokens = before
    np.testing.assert_allclose(alone.probabilities, together.probabilities, atol=1e-5)
    np.testing.assert_allclose(together.probabilities.sum(axis=1), 1.0)


def test_the_target_cell_is_ignored(toy_fit: Fitted) -> None:
    rows = rows_of(toy())[:4]
    hidden = rows.copy()
    hidden[:, 0] = np.nan
    found = [toy_fit[0].predict(each, np.zeros(4, dtype=int)) for each in (rows, hidden)]
    np.testing.assert_array_equal(found[0].probabilities, found[1].probabilities)


def test_a_chain_sums_to_one_over_all_values(toy_fit: Fitted) -> None:
    rows = np.full((4, 4), np.nan)
    rows[:, 0], rows[:, 2] = [0, 0, 1, 1], [0, 1, 0, 1]
    total = sum(float(np.exp(toy_fit[0].chain(row[None]).sum())) for row in rows)
    assert total == pytest.approx(1.0, abs=1e-5)


def test_a_name_of_a_special_token_is_encoded_as_text(backend: TextBackend) -> None:
    names = ["</s>", "<s>", "<EOS>", "<PAD>"]
    fit(backend, table=Table(pd.DataFrame({"mark": names * 5, "n": [1, 2] * 10})), max_steps=1)
    tokens, tokenizer = tokens_of(backend), scoring_model_of(backend).tokenizer
    encoded = {token for number in range(4) for token in tokens.value(0, float(number))}
    assert not {*tokenizer.start, *tokenizer.end} & encoded


def test_a_copy_answers_the_same(toy_fit: Fitted) -> None:
    rows = rows_of(toy())[:2]
    found = [each.predict(rows, [0, 1]) for each in (toy_fit[0], copy.deepcopy(toy_fit[0]))]
    np.testing.assert_array_equal(found[0].probabilities, found[1].probabilities)


# Losses


def test_the_loss_counts_values_and_delimiters_but_no_padding(
    backend: TextBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = toy().frame
    frame.loc[::2, ["number", "day"]] = None
    learned: list[RowIds] = []
    batch = TextFit.batch

    def watched(self: TextFit, items: Any) -> Any:
        data = self.data
        learned.extend(data.tokens.row(data.rows[data.train_rows[r]], o) for r, o in items)
        return batch(self, items)

    monkeypatch.setattr(TextFit, "batch", watched)
    # One batch of all rows, so that short ones are padded; the weights hardly change.
    table = Table(frame, "uneven")
    events = fit(backend, table=table, max_steps=1, batch_size=60, learning_rate=1e-12)
    [report] = [event for event in events if isinstance(event, TrainReport)]
    assert len({len(row.ids) for row in learned}) > 1
    total, cells = 0.0, 0
    for row in learned:
        at = np.flatnonzero(row.owner >= 0)
        scorer = scoring_model_of(backend)
        found = scorer.token_log_probabilities(row.ids[None], at - 1, row.ids[at])
        total, cells = total - found.sum(), cells + len(np.unique(row.owner[at]))
    assert report.loss == pytest.approx(total / cells, abs=1e-3)


def test_a_token_does_not_depend_on_later_ones(toy_fit: Fitted) -> None:
    scorer, tokens = scoring_model_of(toy_fit[0]), tokens_of(toy_fit[0])
    rows = [tokens.row([0.0, 3.0, last, np.nan], [1, 0, 2, 3]).ids for last in (0.0, 1.0)]
    shortest = min(map(len, rows))
    same = int(np.argmax(rows[0][:shortest] != rows[1][:shortest]))
    assert same > 5
    at = np.arange(same - 1)
    found = [scorer.token_log_probabilities(ids[None], at, ids[1:same]) for ids in rows]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_the_loss_can_be_on_targets_only(backend: TextBackend) -> None:
    events = fit(backend, targets=("letter",), loss_on_target_only=True, max_steps=2)
    reports = [event for event in events if isinstance(event, EvalReport)]
    assert all(set(report.column_losses) == {"letter"} for report in reports)


# Fits


def test_it_learns_a_dependence(kind: str, backend: TextBackend) -> None:
    letter = toy(80).frame["letter"]
    frame = pd.DataFrame({"letter": letter, "size": letter.map({"a": 0, "b": 10})})
    table = Table(frame.assign(coin=toy(80).frame["coin"]))
    fit(
        backend,
        table=table,
        targets=("letter",),
        max_steps=200,
        learning_rate=3 * KINDS[kind].rate,
        lr_scheduler="linear",
        warmup_steps=10,
    )
    rows = rows_of(table)
    found = backend.predict(rows, np.zeros(80, dtype=int)).probabilities
    assert (found.argmax(axis=1) == rows[:, 0]).mean() > 0.9


def test_the_validation_loss_falls(toy_fit: Fitted) -> None:
    losses = [event.loss for event in toy_fit[1] if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0] / 2


def test_it_emits_the_events_of_the_default_backend(toy_fit: Fitted) -> None:
    backend, events = toy_fit
    [start] = [event for event in events if isinstance(event, FitStart)]
    end = events[-1]
    phases = [event.phase for event in events if isinstance(event, PhaseReport)]
    loading = ["loading"] if backend.name != "minilm-text" else ["reading"]
    assert phases == [*loading, "reading", "learning"]
    assert isinstance(end, FitEnd)
    assert (start.backend, start.n_train, start.n_validation) == (backend.name, 54, 6)
    assert (end.reason, end.step) == ("steps", 60)
    assert {type(event) for event in events[4:-1]} == {EvalReport, TrainExamples, TrainReport}
    reports = [event for event in events if isinstance(event, EvalReport)]
    assert end.best_loss == min(report.loss for report in reports)
    assert set(reports[0].column_losses) == {"letter", "number", "coin", "day"}


def test_the_best_weights_are_kept(kind: str, tiny: Path) -> None:
    # At this rate the loss rises, so the initial weights are the best.
    calm, wild = new_backend(kind, tiny), new_backend(kind, tiny)
    fit(calm, max_steps=1, learning_rate=1e-9)
    fit(wild, max_steps=6, learning_rate=50.0, max_grad_norm=None)
    after = weights_of(wild)
    for name, weight in weights_of(calm).items():
        np.testing.assert_allclose(after[name], weight, atol=1e-6)


def test_weights_depend_on_the_seed(kind: str, tiny: Path) -> None:
    found = []
    for seed in (0, 0, 1):
        backend = new_backend(kind, tiny)
        fit(backend, seed=seed)
        found.append(weights_of(backend))
    one, same, other = found
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not all(np.array_equal(one[name], other[name]) for name in one)


def test_the_global_random_states_are_preserved(backend: TextBackend) -> None:
    def drawn() -> tuple[float, float]:
        return float(torch.rand(1)), float(np.random.random())

    torch.manual_seed(5)
    np.random.seed(5)
    expected = drawn()
    torch.manual_seed(5)
    np.random.seed(5)
    fit(backend, max_steps=1)
    assert drawn() == expected


def test_a_stopped_fit_ends_at_once_and_can_be_resumed(backend: TextBackend) -> None:
    steps = 0

    def stopped() -> bool:
        nonlocal steps
        steps += 1
        return steps == 7

    end = fit(backend, max_steps=500, stopped=stopped)[-1]
    assert isinstance(end, FitEnd)
    assert (end.reason, end.step) == ("stopped", 7)
    more = fit(backend, resume=True, max_steps=10)
    first = next(event for event in more if isinstance(event, EvalReport))
    assert first.loss == pytest.approx(end.best_loss, abs=1e-4)
    last = more[-1]
    assert isinstance(last, FitEnd)
    assert last.best_loss < end.best_loss


def test_seconds_and_epochs_are_limits(kind: str, tiny: Path) -> None:
    end = fit(new_backend(kind, tiny), max_steps=None, max_seconds=1.0)[-1]
    assert isinstance(end, FitEnd)
    assert end.reason == "budget"
    assert end.seconds < 3
    end = fit(new_backend(kind, tiny), max_steps=None, epochs=2)[-1]
    assert isinstance(end, FitEnd)
    assert (end.reason, end.step) == ("epochs", 2 * 7)


def test_without_limits_a_fit_ends_by_convergence(backend: TextBackend) -> None:
    end = fit(backend, max_steps=None, learning_rate=1e-9)[-1]
    assert isinstance(end, FitEnd)
    assert end.reason == "converged"


@pytest.mark.parametrize(
    "training",
    [
        {"grad_accumulation_steps": 2, "lr_scheduler": "cosine", "warmup_ratio": 0.2},
        {"augmentation_factor": 3, "lr_scheduler": "constant", "label_smoothing": 0.1},
    ],
    ids=str,
)
def test_settings_are_honored(
    backend: TextBackend, training: dict[str, Any], recwarn: pytest.WarningsRecorder
) -> None:
    settings = dict(training)
    if "warmup_ratio" in settings:
        settings["warmup_steps"] = 20
    assert isinstance(fit(backend, max_steps=3, **settings)[-1], FitEnd)
    assert not [w for w in recwarn if "no effect" in str(w.message)]


def test_settings_without_effect_raise_a_warning(backend: TextBackend) -> None:
    backend.model_config.members = 3
    with pytest.warns(UserWarning, match=r"ModelConfig\.members=3 has no effect"):
        fit(backend, max_steps=1)


def test_free_text_columns_raise_a_warning(backend: TextBackend) -> None:
    words = ["a", "cat", "that", "sleeps", "on", "the", "mat", "dog", "runs", "after", "it"]
    rng = np.random.default_rng(0)
    frame = toy().frame.assign(note=[" ".join(rng.choice(words, 7)) for _ in range(60)])
    with pytest.warns(UserWarning, match="free text yet, and ignores the columns note"):
        fit(backend, table=Table(frame), max_steps=1)
    rows = rows_of(Table(frame))[:2]
    assert backend.chain(rows).shape == rows.shape


def test_it_can_be_queried_during_training(backend: TextBackend) -> None:
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
    fit(backend, max_steps=2_000, stopped=ended.is_set, lr_scheduler="constant")
    asking.join()
    assert len(answers) == 3


def test_a_callback_can_query(backend: TextBackend) -> None:
    answers: list[Floats] = []

    def emit(event: Event) -> None:
        if isinstance(event, TrainReport):
            answers.append(backend.predict(rows_of(toy())[:1], [0]).probabilities)

    fit(backend, max_steps=2, emit=emit)
    assert answers


def test_a_callback_may_wait_for_a_query(backend: TextBackend) -> None:
    # As in a session: a query holds its lock, and a callback acquires it.
    lock = threading.Lock()
    began = threading.Event()
    answers: list[Floats] = []

    def ask() -> None:
        began.wait()
        for _ in range(20):
            with lock:
                answers.append(backend.predict(rows_of(toy())[:1], [0]).probabilities)

    def emit(event: Event) -> None:
        began.set()
        if not lock.acquire(timeout=20):
            pytest.fail("callback and query wait for each other")
        lock.release()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    fit(backend, max_steps=10, emit=lambda e: emit(e) if backend.ready else None)
    asking.join(60)
    assert len(answers) == 20


def test_rows_that_are_too_long_are_an_error(backend: TextBackend) -> None:
    with pytest.raises(ConfigError, match=r"tokens, more than max_seq_length=10"):
        fit(backend, max_seq_length=10)


# Saving


def test_a_restored_backend_answers_the_same(kind: str, tiny: Path) -> None:
    table, backend = toy(), new_backend(kind, tiny)
    fit(backend, serializer=BracketSerializer())
    content, arrays = backend.state()
    again = type(backend)()
    again.restore(table.schema.inputs, content, arrays)
    rows, targets = rows_of(table)[:8], np.arange(8) % 4
    np.testing.assert_allclose(
        again.predict(rows, targets).probabilities,
        backend.predict(rows, targets).probabilities,
        atol=1e-6,
    )


def test_new_values_get_probability(backend: TextBackend) -> None:
    fit(backend, max_steps=2)
    columns = [
        column.grown(pd.Series(["c"])) if column.name == "letter" else column
        for column in toy().schema.inputs
    ]
    backend.grow(columns)
    found = backend.predict(np.full((1, 4), np.nan), [0]).probabilities[0]
    assert found[:3].sum() == pytest.approx(1.0)
    assert found[2] > 0


def test_validation_rows_are_predicted(toy_fit: Fitted) -> None:
    numbers, found = toy_fit[0].validation_predictions(rows_of(toy()), 0)
    assert len(numbers) == len(found) == 6
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


# Through TabularLanguageModel


def test_fit_query_and_save_through_the_model(backend: TextBackend, tmp_path: Path) -> None:
    training = TrainingConfig(max_steps=3, batch_size=8)
    lm = TabularLanguageModel(backend=backend, training=training, random_state=0)
    lm.fit(toy().frame)
    assert lm.sample(3, random_state=0).notna().all(axis=None)
    answer = lm.conditional("number", {"letter": "a"}).probabilities
    assert answer.sum() == pytest.approx(1.0)
    assert np.isfinite(lm.log_likelihood(toy().frame.head(3))).all()
    lm.save(tmp_path / "saved")
    again = TabularLanguageModel.load(tmp_path / "saved")
    found = again.conditional("number", {"letter": "a"}).probabilities
    np.testing.assert_allclose(found, answer, atol=1e-5)


@pytest.mark.parametrize("serializer", ["json", "key-value", "bracket"])
def test_no_row_of_an_untrained_model_is_malformed(
    kind: str, backend: TextBackend, serializer: str
) -> None:
    training = TrainingConfig(max_steps=1, learning_rate=1e-9)
    lm = TabularLanguageModel(backend, serializer, training, random_state=0).fit(toy().frame)
    # Many rows of one backend; the others share the sampling code.
    rows = lm.sample(3_400 if kind == "huggingface" else 200, random_state=0)
    resolved = resolve_serializer(serializer)
    for name in rows:
        column = lm.schema[str(name)]
        assert (column.codes(column.numbers(rows[name])) >= 0).all()
    for row in rows.to_dict("records"):
        cells = {str(name): plain(value) for name, value in row.items()}
        assert resolved.parse(resolved.serialize(cells).text) == cells
