"""Language models of a table's rows as text, with exact probabilities of values."""

from tabwidget.backends.text.rows import RowTokens
from tabwidget.backends.text.scoring_model import ScoringModel

__all__ = ["RowTokens", "ScoringModel"]
