"""minilm: a small language-model toolkit, also used by the default table backend.

It needs torch and nothing of the rest of the package.

>>> from tabwidget.minilm import Encoder, LanguageModel, Tokenizer, Trainer
>>> texts = ["hello world", "hello there", "general kenobi"]
>>> tokenizer = Tokenizer(vocab_size=64)
>>> tokenizer.fit(texts)
>>> encoder = Encoder(tokenizer.vocab_size, embedding_dim=32, hidden_dim=64, num_layers=2)
>>> model = LanguageModel(encoder=encoder, tokenizer=tokenizer)
"""

from tabwidget.minilm.encoder import Encoder
from tabwidget.minilm.model import LanguageModel
from tabwidget.minilm.tokenizer import Tokenizer
from tabwidget.minilm.trainer import Trainer

__all__ = ["Encoder", "LanguageModel", "Tokenizer", "Trainer"]
