"""Requests: every kind answers, every error comes back as one readable message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from tabwidget.config import LoRAConfig, ModelConfig
from tabwidget.session import Session
from tabwidget.widgets import _state
from tabwidget.widgets._feed import Feed
from tabwidget.widgets._requests import HANDLERS, answer_request
from tabwidget.widgets._static import static_html
from tests.backends.text.tiny import save_tiny
from tests.textclass.toys import WORDS, toy_texts

FRAME = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0] * 12, "g": ["a", "a", "b", "b"] * 12})


class Bench:
    """A session with the messages a browser would send."""

    def __init__(self, source: Any = None) -> None:
        self.session = Session(source)
        self.feed = Feed(self.session)

    def __call__(self, kind: str, payload: object = None, buffers: Any = ()) -> dict[str, Any]:
        content = {"id": "q1", "kind": kind, "payload": payload}
        reply = answer_request(self.session, self.feed, content, buffers)
        json.dumps(reply.message, allow_nan=False)
        assert reply.message["id"] == "q1"
        return reply.message


@pytest.fixture
def bench() -> Bench:
    return Bench(FRAME)


@pytest.fixture(scope="module")
def fitted() -> Iterator[Bench]:
    bench = Bench(FRAME)
    assert "error" not in bench("choose", {"target": "g", "max_seconds": 1.0})
    assert "ok" in bench("start", {"resume": False})
    assert bench.session.run is not None
    assert bench.session.run.wait(60)
    yield bench


def test_an_unknown_request_is_an_answer_too(bench: Bench) -> None:
    assert "no request 'fly'" in bench("fly")["error"]


@pytest.mark.parametrize("kind", sorted(HANDLERS))
def test_no_request_raises_whatever_it_carries(kind: str) -> None:
    for payload in (None, {}, {"name": 3, "target": [], "given": {"x": 1}, "row": "no"}):
        reply = Bench()(kind, payload)
        assert ("ok" in reply) != ("error" in reply)


def test_a_sample_is_loaded_by_name(bench: Bench) -> None:
    assert "ok" in bench("load", {"source": "sample", "name": "penguins"})
    assert bench.session.table is not None
    assert bench.session.table.name == "penguins"


def test_an_upload_keeps_its_name_and_its_path_is_not_trusted(bench: Bench) -> None:
    content = FRAME.to_csv(index=False).encode()
    reply = bench("load", {"source": "upload", "name": "../../etc/mine.csv"}, [memoryview(content)])
    assert "ok" in reply
    assert bench.session.table is not None
    assert bench.session.table.name == "mine"
    assert len(bench.session.table.frame) == len(FRAME)


def test_a_bad_upload_is_one_readable_error_and_loses_nothing(bench: Bench) -> None:
    reply = bench("load", {"source": "upload", "name": "x.parquet"}, [b"not a table"])
    assert "x.parquet" in reply["error"]
    assert bench.session.table is not None
    assert "error" in bench("load", {"source": "path", "name": "nowhere.csv"})
    assert "error" in bench("load", {"source": "variable", "name": "gone"})
    assert bench.session.table.schema.targets == ("x", "g")


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


def test_asking_before_training_says_what_to_do(bench: Bench) -> None:
    assert bench("ask", {"formula": "g"})["error"]


def test_a_question_is_answered_by_formula_and_by_evidence(fitted: Bench) -> None:
    by_formula = fitted("ask", {"formula": "g | x=1"})["ok"]
    given = {"x": {"op": "is", "value": 1}}
    by_evidence = fitted("ask", {"target": "g", "given": given})["ok"]
    assert by_formula["question"]["target"] == by_evidence["question"]["target"] == "g"
    records = by_evidence["answer"]["records"]
    assert sum(record["probability"] for record in records) == pytest.approx(1)
    assert by_evidence["answer"]["number"] != by_formula["answer"]["number"]
    assert by_evidence["answer"]["python"].startswith("lm.conditional(")


def test_a_survey_tells_of_every_other_column(fitted: Bench) -> None:
    fitted("ask", {"formula": "g | x=1"})
    assert set(fitted("survey")["ok"]["columns"]) == {"g"}
    fitted("ask", {"formula": "g"})
    assert set(fitted("survey")["ok"]["columns"]) == {"x", "g"}


def test_a_formula_error_keeps_its_caret(fitted: Bench) -> None:
    error = fitted("ask", {"formula": "g | y=1"})["error"]
    assert error.splitlines()[-1].strip() == "^"


def test_charts_come_with_the_dataset_that_is_streamed(fitted: Bench) -> None:
    fitted("ask", {"formula": "x"})
    for name in ("losses", "distribution"):
        assert name in fitted("chart", {"name": name})["ok"]["spec"]["datasets"]


def test_the_snapshot_is_json_and_small(fitted: Bench) -> None:
    fitted("ask", {"formula": "x"})
    snapshot = fitted.feed.snapshot()
    assert len(json.dumps(snapshot, allow_nan=False)) < 60_000
    assert snapshot["ready"]
    assert snapshot["question"]["formula"] == "x"
    assert snapshot["run"]["status"] == "done"
    assert snapshot["run"]["next"] == 0  # nothing was streamed yet: nothing is skipped
    assert snapshot["answer"]["headline"].startswith("mean")


def test_to_json_takes_whatever_a_table_holds() -> None:
    stamp = pd.Timestamp("2020-01-02")
    assert _state.to_json({"t": stamp, "n": float("inf")}) == {
        "t": "2020-01-02 00:00:00",
        "n": None,
    }


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
    state = _state.model_state(bench.session)
    assert state == {
        **{"backend": "huggingface", "model": "a/model"},
        **{"rank": 8, "quantization": "4bit"},
    }
    assert "ok" in bench("choose", {"rank": None, "quantization": None, "model": ""})
    assert bench.session.model_config == ModelConfig()
    assert "ok" in bench("choose", {"backend": "minilm"})
    assert bench.session.model_config is None


def test_a_wrong_part_of_a_model_is_one_readable_error(bench: Bench) -> None:
    assert "ok" in bench("choose", {"backend": "huggingface"})
    assert "LoRAConfig must be" in bench("choose", {"rank": -3})["error"]
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
    commands = {backend["name"]: backend["command"] for backend in _state.backends()}
    assert commands["huggingface"] == "pip install 'tabwidget[hf]'"
    assert commands["minilm"] == ""


@pytest.fixture(scope="module")
def labeled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    toys = toy_texts(60)
    assert toys.targets is not None
    columns = dict(zip(WORDS, toys.targets.T.astype(int), strict=True))
    bench = Bench(pd.DataFrame({"said": toys.texts, **columns}))
    tiny = str(save_tiny(tmp_path_factory.mktemp("tiny")))
    chosen = {"task": "text labels", "texts": ["said"], "labels": list(WORDS), "max_seconds": 1.0}
    assert "ok" in bench("choose", {**chosen, "model": tiny, "rank": 4, "quantization": None})
    assert "ok" in bench("start", {"resume": False})
    assert bench.session.run is not None
    assert bench.session.run.wait(60)
    assert bench.session.run.error is None
    yield bench


def test_texts_and_labels_are_chosen_shown_and_snapshot(labeled: Bench) -> None:
    state = labeled.feed.snapshot()["labeling"]
    assert (state["texts"], state["labels"], state["delimiter"]) == (["said"], list(WORDS), "")
    assert (state["rank"], state["quantization"], state["command"]) == (4, None, "")
    assert "said" in state["offers"]["texts"]
    assert state["ready"]
    shown = labeled("preview", {"row": 3})["ok"]
    assert shown["spans"] == []
    assert sorted(shown["labels"]) == [word for word in WORDS if word in shown["text"]]
    assert shown["tokens"][-1] == [len(shown["text"]), False]
    assert shown["read"] == len(shown["text"])
    assert "ok" in labeled("choose", {"max_length": 8})
    assert labeled.feed.snapshot()["labeling"]["max_length"] == 8
    assert labeled("preview", {"row": 3})["ok"]["read"] <= shown["read"]
    labeled("choose", {"max_length": 256})
    cost = labeled("cost")["ok"]["cost"]
    assert 0 < cost["n_trained"] < cost["n_parameters"]
    assert 1 < cost["tokens_per_row"] < 40
    assert labeled("choose", {"quantization": "4bit"})["ok"]["message"].startswith("Changed bits.")
    assert labeled.session.labeling.bits == 4
    labeled("choose", {"quantization": None})


def test_another_task_has_no_labelling() -> None:
    bench = Bench(FRAME)
    assert bench.feed.snapshot()["labeling"] is None
    assert "no column" not in bench("choose", {"task": "classification"}).get("error", "")


def test_thresholds_are_set_and_taken(labeled: Bench) -> None:
    report = labeled("thresholds", {"set": {"apple": 1.0}})["ok"]["report"]
    rows = {row["label"]: row for row in report["classes"]}
    assert rows["apple"]["threshold"] == 1.0
    assert len(rows["apple"]["has"]) == len(rows["apple"]["lacks"]) == 20
    tuned = labeled("thresholds", {"take": "tuned"})["ok"]["report"]
    assert tuned["f1_micro"] >= tuned["half"]["f1_micro"]
    assert labeled.feed.snapshot()["labeling"]["report"] == tuned
    assert "no label 'x'" in labeled("thresholds", {"set": {"x": 0.5}})["error"]


def test_texts_are_labelled_and_explained(labeled: Bench) -> None:
    example = labeled("example", {"draw": 2})["ok"]
    assert sorted(example["labels"]) == [word for word in WORDS if word in example["text"]]
    found = labeled("label", {"text": "an apple"})["ok"]
    assert {row["label"] for row in found["labels"]} == set(WORDS)
    first = found["labels"][0]
    assert first["probability"] == max(row["probability"] for row in found["labels"])
    told = labeled("words", {"text": "an apple", "label": first["label"]})["ok"]
    assert [(word["start"], word["end"]) for word in told["words"]] == [(0, 2), (3, 8)]
    assert told["probability"] == pytest.approx(first["probability"])
    assert told["read"] == len("an apple")
    one = {"text": "an apple", "label": first["label"], "within": [3, 8]}
    [apple] = labeled("words", one)["ok"]["words"]
    assert apple == told["words"][1]
    assert apple["n_words"] == 1


def test_the_static_picture_shows_the_labels(labeled: Bench) -> None:
    picture = static_html(labeled.feed.snapshot())
    assert "labels of said" in picture
    assert "boat" in picture
    assert "threshold" in picture
