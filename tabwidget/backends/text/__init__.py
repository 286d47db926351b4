"""Text language models of a table: rows as token ids, and exact scores of closed sets; numpy only.

An engine (Hugging Face, MLX, …) brings a model and its tokenizer as a `ScoringModel`.
"""

from tabwidget.backends.text.answers import TextAnswers
from tabwidget.backends.text.batches import RowBatches, collated
from tabwidget.backends.text.rows import RowIds, RowTokens
from tabwidget.backends.text.scoring import Engine, log_probabilities
from tabwidget.backends.text.scoring_model import ScoringModel
from tabwidget.backends.text.support import TextSupport
from tabwidget.backends.text.trie import Trie

__all__ = [
    "Engine",
    "RowBatches",
    "RowIds",
    "RowTokens",
    "ScoringModel",
    "TextAnswers",
    "TextSupport",
    "Trie",
    "collated",
    "log_probabilities",
]
