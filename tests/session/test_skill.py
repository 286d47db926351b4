"""The skill check tells columns that can be predicted from columns of noise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabwidget import TabularLanguageModel
from tabwidget.session import Session
from tabwidget.session.skill import SkillCheck
from tabwidget.table import Table


def test_noise_is_not_counted_as_better() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    frame = pd.DataFrame(
        {"x": x, "y": x + 0.1 * rng.normal(size=300), "coin": rng.random(300) > 0.5}
    )
    table, told = Table(frame), []
    check = SkillCheck(TabularLanguageModel("pretrained").fit(table), table, lambda: told.append(1))
    assert check.better is None
    check.start()
    assert check.wait(120)
    assert check.gains["x"] > 1
    assert check.gains["y"] > 1
    assert check.gains["coin"] < 0.1
    assert told == [1]


def test_a_check_that_is_stopped_says_nothing() -> None:
    session = Session("iris", backend="pretrained")
    check = session.check_skill()
    assert check is not None
    assert session.check_skill() is check
    session.load("penguins")
    assert check.wait(60)
    assert session.check_skill() is not check


def test_without_a_model_there_is_no_check() -> None:
    assert Session("iris", backend="minilm").check_skill() is None
