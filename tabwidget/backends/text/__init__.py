"""Text language models of a table: rows as token ids, and exact scores of closed sets; numpy only.

A model (Hugging Face, MLX, …) brings a model and its tokenizer as a `ScoringModel`.
"""

from tabwidget.backends.text.answers import TextAnswers
from tabwidget.backends.text.batches import RowBatches, collated
from tabwidget.backends.text.rows import RowIds, RowTokens
from tabwidget.backends.text.scoring import TokenScorer, log_probabilities
from tabwidget.backends.text.scoring_model import ScoringModel
from tabwidget.backends.text.support import TextSupport
from tabwidget.backends.text.trie import Trie

__all__ = [
    "RowBatches",
    "RowIds",
    "RowTokens",
    "ScoringModel",
    "TextAnswers",
    "TextSupport",
    "TokenScorer",
    "Trie",
    "collated",
    "log_probabilities",
]
