"""Text language models of a table: rows as token ids, and exact scores of closed sets; numpy only.

An engine (Hugging Face, MLX, …) brings a model and its tokenizer as a `TextEngine`.
"""

from tabwidget.textlm.answers import TextAnswers
from tabwidget.textlm.batches import RowBatches, collated
from tabwidget.textlm.engine import TextEngine
from tabwidget.textlm.rows import RowIds, RowTokens
from tabwidget.textlm.scoring import Engine, log_probabilities
from tabwidget.textlm.support import TextSupport
from tabwidget.textlm.trie import Trie

__all__ = [
    "Engine",
    "RowBatches",
    "RowIds",
    "RowTokens",
    "TextAnswers",
    "TextEngine",
    "TextSupport",
    "Trie",
    "collated",
    "log_probabilities",
]
