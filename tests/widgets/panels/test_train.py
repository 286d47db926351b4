"""The train panel: start, stop, catching up on a run, and its static view."""

from __future__ import annotations

from tabwidget.widgets.panels.train import TrainPanel
from tests.widgets.conftest import FRAME, Bench


def test_a_run_is_started_followed_and_stopped() -> None:
    bench = Bench(FRAME, backend="minilm")
    assert bench.feed.refresh({"train"})["train"] == {
        **{"ready": False, "stage": "", "sources": [], "trains": True, "gains": [], "run": None},
        "better": None,
        "preparing": False,
    }
    assert bench("stop")["ok"] == {"status": None}
    assert bench("choose", {"max_seconds": 30})["ok"]
    assert bench("start", {"resume": True})["error"].startswith("there is no fit to resume")
    assert bench("start", {"resume": False})["ok"] == {"number": 1}
    assert "a fit is running" in bench("start")["error"]
    assert bench("stop")["ok"]["status"] in ("running", "stopped")
    run = bench.session.run
    assert run is not None
    assert run.wait(30)
    slices = bench.feed.refresh()
    assert slices["train"]["run"]["number"] == 1
    assert f"<b>{run.status}</b>" in TrainPanel.static(slices)
    assert bench("catch-up", {"run": 7, "since": 0})["ok"] == {"batch": None}


def test_a_lost_batch_is_sent_again(fitted: Bench) -> None:
    # The stream has sent nothing yet, so that there is nothing to catch up on.
    batch = fitted("catch-up", {"run": 1, "since": 0})["ok"]["batch"]
    assert (batch["from"], batch["next"]) == (0, 0)


def test_the_stage_and_what_training_added_are_shown(fitted: Bench) -> None:
    bench = Bench(FRAME)
    train = bench.feed.refresh({"train"})["train"]
    assert (train["ready"], train["stage"], train["gains"]) == (True, "pretrained", [])
    assert train["sources"] == ["pretrained"]
    assert "from a pretrained model. Not trained yet." in TrainPanel.static({"train": train})
    train = fitted.feed.refresh({"train"})["train"]
    assert train["stage"] == "trained"
    assert train["sources"] == ["pretrained", "trained on your table"]
    assert [one["column"] for one in train["gains"]] in ([], ["x", "g"])
    gains = [{"column": "<x>", "nats": 0.317}, {"column": "g", "nats": 0.0}]
    gains += [{"column": "late", "nats": None}]
    shown = TrainPanel.static({"train": {**train, "gains": gains}})
    assert "in nats per validation cell: &lt;x&gt; +0.32, g no gain</p>" in shown
