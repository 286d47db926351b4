"""The labels panel: metrics, thresholds, and the labels of any text."""

from __future__ import annotations

import pytest

from tabwidget.session.tasks.text_labels import TextLabelTask
from tabwidget.widgets.static_html import static_html
from tests.textclass.fakes import WORDS
from tests.widgets.conftest import Bench


def test_texts_and_labels_are_chosen_shown_and_snapshot(labeled: Bench) -> None:
    slices = labeled.feed.refresh()
    state, settings = slices["task"], slices["task"]["settings"]
    columns = (settings["texts"], settings["labels"], settings["delimiter"])
    assert columns == (["said"], list(WORDS), "")
    assert (settings["rank"], settings["quantization"]) == (4, None)
    assert (state["panel"], state["offers"]["command"]) == ("labels", "")
    assert "said" in state["offers"]["texts"]
    assert state["roles"] == {"said": "text", **dict.fromkeys(WORDS, "label")}
    assert slices["train"]["ready"]
    shown = labeled("preview", {"row": 3})["ok"]
    assert shown["spans"] == []
    assert sorted(shown["labels"]) == [word for word in WORDS if word in shown["text"]]
    assert shown["tokens"][-1] == [len(shown["text"]), False]
    assert shown["read"] == len(shown["text"])
    assert "ok" in labeled("choose", {"max_length": 8})
    assert labeled.feed.refresh({"task"})["task"]["settings"]["max_length"] == 8
    assert labeled("preview", {"row": 3})["ok"]["read"] <= shown["read"]
    labeled("choose", {"max_length": 256})
    cost = labeled("cost")["ok"]["cost"]
    assert 0 < cost["n_trained"] < cost["n_parameters"]
    assert 1 < cost["tokens_per_row"] < 40
    assert labeled("choose", {"quantization": "4bit"})["ok"]["message"].startswith("Changed bits.")
    task = labeled.session.current_task
    assert isinstance(task, TextLabelTask)
    assert task.bits == 4
    labeled("choose", {"quantization": None})


def test_thresholds_are_set_and_taken(labeled: Bench) -> None:
    report = labeled("thresholds", {"set": {"apple": 1.0}})["ok"]["report"]
    rows = {row["label"]: row for row in report["classes"]}
    assert rows["apple"]["threshold"] == 1.0
    assert len(rows["apple"]["has"]) == len(rows["apple"]["lacks"]) == 20
    tuned = labeled("thresholds", {"take": "tuned"})["ok"]["report"]
    assert tuned["f1_micro"] >= tuned["half"]["f1_micro"]
    assert labeled.feed.refresh()["labels"]["report"] == tuned
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
    picture = static_html(labeled.feed.refresh())
    assert "said (text)" in picture
    assert "boat" in picture
    assert "threshold" in picture
