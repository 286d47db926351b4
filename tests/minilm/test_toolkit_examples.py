"""The examples of the minilm toolkit's documentation, in order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tabwidget.minilm import Encoder, LanguageModel, Tokenizer, Trainer

TEXTS = ["hello world", "hello there", "general kenobi"]


@pytest.fixture
def tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(vocab_size=64)
    tokenizer.fit(["a small step", "a giant leap", *TEXTS])
    return tokenizer


@pytest.fixture
def model(tokenizer: Tokenizer) -> LanguageModel:
    encoder = Encoder(
        vocab_size=tokenizer.vocab_size, embedding_dim=64, hidden_dim=128, num_layers=2, num_heads=4
    )
    return LanguageModel(encoder=encoder, tokenizer=tokenizer)


def test_quick_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tokenizer = Tokenizer(vocab_size=64)
    tokenizer.fit(TEXTS)
    encoder = Encoder(
        vocab_size=tokenizer.vocab_size, embedding_dim=32, hidden_dim=64, num_layers=2, num_heads=2
    )
    model = LanguageModel(encoder=encoder, tokenizer=tokenizer)
    trainer = Trainer(device="cpu", num_epochs=2, use_amp=False)
    loader = trainer.prepare_dataloader(
        dataset=TEXTS, tokenizer=tokenizer, batch_size=2, sequence_length=32
    )
    trainer.train(model=model, train_loader=loader, validation_split=0.0)
    model.is_trained = True
    assert model.generate("hello", max_length=10).startswith("hello")


def test_the_tokenizer(tokenizer: Tokenizer) -> None:
    Tokenizer(vocab_size=512, pad_token="<pad>")
    ids = tokenizer.encode("a small step", max_length=8, padding=True, truncation=True)
    assert len(ids) == 8
    assert tokenizer.decode(ids, skip_special_tokens=True) == "a small step"
    assert tokenizer.tokenize("tokenize this") == ["tokenize", "this"]


def test_the_encoder(tokenizer: Tokenizer, model: LanguageModel) -> None:
    ids = tokenizer.encode("a small step")
    encoder = model.encoder
    embeddings = encoder.encode(token_ids=ids, device=torch.device("cpu"))
    assert embeddings.shape == (1, len(ids), 64)
    assert encoder(torch.tensor([ids])).shape == (1, len(ids), 64)
    vectors = encoder.get_embeddings([tokenizer.word_to_id["a"], tokenizer.word_to_id["small"]])
    assert vectors.shape == (2, 64)


def test_the_language_model(tokenizer: Tokenizer, model: LanguageModel, tmp_path: Path) -> None:
    assert model(torch.tensor([tokenizer.encode("a small step")])).shape == (1, 5, 64)
    model.is_trained = True
    assert isinstance(model.generate("a small", max_length=30, temperature=0.8), str)
    inputs = torch.tensor([tokenizer.encode("a small step", max_length=8, padding=True)])
    masks = (inputs != tokenizer.pad_id).long()
    loss = model.compute_loss(inputs[:, :-1], inputs[:, 1:], attention_mask=masks[:, :-1])
    assert loss.ndim == 0
    model.save(str(tmp_path / "minilm.pt"))
    assert LanguageModel.load(str(tmp_path / "minilm.pt")).is_trained


def test_the_trainer(model: LanguageModel, tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(json.dumps(TEXTS))
    trainer = Trainer(save_dir=str(tmp_path / "checkpoints"), num_epochs=2)
    records = trainer.load_dataset(str(tmp_path / "train.json"), format="json")
    loader = trainer.prepare_dataloader(records, model.tokenizer, batch_size=8, sequence_length=64)
    trainer.train(model=model, train_loader=loader, validation_split=0.2, checkpoint_every=1)
    assert len(model.training_history) == 2
    names = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert names == {"checkpoint-epoch1.pt", "checkpoint-epoch2.pt", "latest.pt"}
    trainer = Trainer(save_dir=str(tmp_path / "checkpoints"), num_epochs=1)
    trainer.train(model, loader, validation_split=0.0, resume_from=str(tmp_path / "checkpoints"))
    assert len(model.training_history) == 3
    texts = ["hello world", "general kenobi"]
    assert trainer.evaluate_perplexity(model, texts, batch_size=1) > 1


def test_mixed_precision_is_for_cuda() -> None:
    settings = {
        "num_epochs": 3,
        "learning_rate": 5e-4,
        "scheduler_type": "cosine_warmup",
        "scheduler_kwargs": {"warmup_iters": 10, "t_max": 90},
        "amp_dtype": "float16",
    }
    if torch.cuda.is_available():
        Trainer(device="cuda", use_amp=True, **settings)  # type: ignore[arg-type]
    else:
        with pytest.raises(ValueError, match="no GPU"):
            Trainer(device="cuda", use_amp=True, **settings)  # type: ignore[arg-type]
        Trainer(device="cpu", **settings)  # type: ignore[arg-type]
