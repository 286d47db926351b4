"""Fixtures of the estimators' tests: the smallest budget that learns, and models fitted once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.estimators import LanguageModelClassifier, LanguageModelRegressor
from tabwidget.model import TabularLanguageModel


def tiny(max_steps: int = 30) -> dict[str, Any]:
    """Return parameters of an estimator or a language model that trains in under a second."""
    return {
        "training": TrainingConfig(max_steps=max_steps, learning_rate=0.02),
        "model_config": ModelConfig(width=16, layers=1, heads=2, members=1),
        "random_state": 0,
    }


@pytest.fixture
def budget() -> dict[str, Any]:
    """Return parameters for a test of the form of the answers, not their quality."""
    return tiny(max_steps=4)


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Return a number, a category that depends on it, one that does not, and missing cells."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=80)
    frame = pd.DataFrame(
        {
            "size": size,
            "island": rng.choice(["Biscoe", "Dream"], 80),
            "kind": np.where(size > 0, "large", "small"),
        }
    )
    frame.loc[3, "size"] = np.nan
    frame.loc[4, "island"] = None
    return frame


@pytest.fixture(scope="session")
def rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame without its label."""
    return frame[["size", "island"]]


@pytest.fixture(scope="session")
def numbers(frame: pd.DataFrame) -> pd.Series:
    """Return a number that depends on the rows."""
    return (3 * frame["size"].fillna(0)).rename("length")


@pytest.fixture(scope="session")
def lm(frame: pd.DataFrame, numbers: pd.Series) -> TabularLanguageModel:
    """Return one model of the rows, the label and the number."""
    return TabularLanguageModel(**tiny()).fit(frame.assign(length=numbers))


@pytest.fixture(scope="session")
def classifier(rows: pd.DataFrame, frame: pd.DataFrame) -> LanguageModelClassifier:
    return LanguageModelClassifier(**tiny()).fit(rows, frame["kind"])


@pytest.fixture(scope="session")
def regressor(rows: pd.DataFrame, numbers: pd.Series) -> LanguageModelRegressor:
    return LanguageModelRegressor(**tiny()).fit(rows, numbers)
