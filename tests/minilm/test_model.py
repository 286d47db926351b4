"""Tests of LanguageModel: causal logits, losses, generation and checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tabwidget.minilm import Encoder, LanguageModel, Tokenizer
from tabwidget.minilm.transformer import KeyValueCache

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a cat and a dog"]


def new_model(seed: int = 0, level: str = "word", **sizes: int) -> LanguageModel:
    torch.manual_seed(seed)
    tokenizer = Tokenizer(vocab_size=300 if level == "byte" else 32, level=level)  # type: ignore[arg-type]
    tokenizer.fit(TEXTS)
    shape = {"embedding_dim": 16, "hidden_dim": 32, "num_layers": 2, "num_heads": 2, **sizes}
    encoder = Encoder(tokenizer.vocab_size, dropout=0.1, **shape)
    # Larger than the initial weights, so that every token affects the logits.
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    model = LanguageModel(encoder, tokenizer).eval()
    model.is_trained = True
    return model


@pytest.fixture
def model() -> LanguageModel:
    return new_model()


def ids_of(model: LanguageModel, text: str) -> torch.Tensor:
    return torch.tensor([model.tokenizer.encode(text)])


def test_a_token_does_not_affect_earlier_logits(model: LanguageModel) -> None:
    ids = ids_of(model, "the cat sat on the mat")
    changed = ids.clone()
    changed[0, 4] = model.tokenizer.word_to_id["dog"]
    torch.testing.assert_close(model(ids)[:, :4], model(changed)[:, :4])
    assert not torch.allclose(model(ids)[:, 4:], model(changed)[:, 4:])


def test_padding_on_either_side_has_no_effect(model: LanguageModel) -> None:
    ids = ids_of(model, "the cat sat")
    behind = torch.cat((ids, torch.zeros(1, 3, dtype=torch.int64)), 1)
    mask = torch.tensor([[1] * 5 + [0] * 3])
    torch.testing.assert_close(model(behind, mask)[:, :5], model(ids))
    assert model(behind.flip(1), mask.flip(1)).isfinite().all()


def test_padding_is_never_a_target(model: LanguageModel) -> None:
    ids = ids_of(model, "the cat sat")
    plain = model.compute_loss(ids[:, :-1], ids[:, 1:])
    padded = torch.cat((ids, torch.zeros(1, 4, dtype=torch.int64)), 1)
    mask = (padded != 0).long()
    torch.testing.assert_close(
        model.compute_loss(padded[:, :-1], padded[:, 1:], mask[:, :-1]), plain
    )


def test_a_loss_is_the_mean_of_minus_log_probabilities(model: LanguageModel) -> None:
    ids = model.tokenizer.encode("the cat")
    p = model(torch.tensor([ids[:-1]])).detach().log_softmax(-1)[0]
    expected = -sum(float(p[i, token]) for i, token in enumerate(ids[1:])) / len(ids[1:])
    assert float(model.compute_loss(ids[:-1], ids[1:]).detach()) == pytest.approx(
        expected, rel=1e-5
    )


def test_a_single_sequence_is_a_batch_of_one(model: LanguageModel) -> None:
    ids = ids_of(model, "the cat")
    torch.testing.assert_close(model(ids[0]), model(ids))


@pytest.mark.parametrize("level", ["word", "byte"])
@pytest.mark.parametrize("do_sample", [True, False])
def test_a_cache_changes_no_text(level: str, do_sample: bool) -> None:
    model = new_model(seed=2, level=level)  # a seed whose text does not end at once
    texts = []
    for use_cache in (True, False):
        torch.manual_seed(3)
        texts.append(
            model.generate("the cat", 60, do_sample=do_sample, top_k=9, use_cache=use_cache)
        )
    assert texts[0] == texts[1]
    assert len(texts[0]) > len("the cat")


def test_cached_pieces_give_the_same_logits(model: LanguageModel) -> None:
    ids = ids_of(model, "the cat sat on the mat")
    cache = KeyValueCache(ids.shape[1])
    pieces = [model(ids[:, a:b], cache=cache) for a, b in ((0, 3), (3, 4), (4, 8))]
    torch.testing.assert_close(torch.cat(pieces, 1), model(ids))


def test_the_prompt_is_kept_and_has_no_eos(model: LanguageModel) -> None:
    seen: list[list[int]] = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0].tolist()))
    assert model.generate("the cat", max_length=8).startswith("the cat")
    assert seen[0] == [model.tokenizer.bos_id, *model.tokenizer.encode("the cat", False)]


def test_it_stops_at_the_maximum_length(model: LanguageModel) -> None:
    with torch.no_grad():
        model.bias[model.tokenizer.eos_id] = -1e9
    ids = model.tokenizer.encode(model.generate("the cat", max_length=9), add_special_tokens=False)
    assert len(ids) == 8  # and BOS


def test_greedy_decoding_is_deterministic_and_sampling_varies(model: LanguageModel) -> None:
    greedy = {model.generate("the", 12, do_sample=False) for _ in range(3)}
    assert len(greedy) == 1
    assert model.generate("the", 12, top_k=1) in greedy
    assert model.generate("the", 12, top_p=1e-9) in greedy
    torch.manual_seed(0)
    assert len({model.generate("the", 12, temperature=3.0) for _ in range(8)}) > 1


def test_generated_text_has_no_special_token(model: LanguageModel) -> None:
    with torch.no_grad():
        model.bias[[0, 1, 2]] = 1e9
        model.bias[len(model.tokenizer) :] = 1e9
    assert not {"<PAD>", "<UNK>", "<BOS>"} & set(model.generate("the", 20).split())


def score(model: LanguageModel, text: str, length: int) -> float:
    """Return the mean log-probability of the tokens after the first `length` tokens."""
    ids = [model.tokenizer.bos_id, *model.tokenizer.encode(text, False), model.tokenizer.eos_id]
    allowed = model._allowed(model(torch.tensor([ids[:-1]]))[0]).detach().log_softmax(-1)
    log_probs = [float(allowed[i, ids[i + 1]]) for i in range(length, len(ids) - 1)]
    return sum(log_probs) / len(log_probs)


def test_a_wide_beam_finds_what_greedy_decoding_misses() -> None:
    better = 0
    for seed in range(12):
        model = new_model(seed)
        greedy = model.generate("the", 6, do_sample=False)
        beam = model.generate("the", 6, num_beams=8)
        if len(greedy.split()) < 5 and len(beam.split()) < 5:  # both reached EOS
            assert score(model, beam, 1) >= score(model, greedy, 1) - 1e-5
            better += beam != greedy
    assert better > 0


def test_streamed_pieces_are_the_text() -> None:
    model = new_model(level="byte")
    torch.manual_seed(1)
    whole = model.generate("the cat", 40)
    torch.manual_seed(1)
    streamed = "the cat" + "".join(model.stream("the cat", 40))
    assert whole.startswith(streamed)
    assert len(streamed) > len("the cat")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": ""}, "prompt"),
        ({"max_length": 0}, "max_length"),
        ({"temperature": 0.0}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"num_beams": 0}, "num_beams"),
        ({"prompt": "the " * 20, "max_length": 10}, "21 tokens, more than max_length=10"),
    ],
)
def test_errors_name_the_setting(
    model: LanguageModel, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        model.generate(**{"prompt": "the", **arguments})  # type: ignore[arg-type]


def test_an_untrained_model_cannot_generate(model: LanguageModel) -> None:
    model.is_trained = False
    with pytest.raises(RuntimeError, match="is not trained"):
        model.generate("the")


def test_other_model_types_and_larger_vocabularies_are_errors(model: LanguageModel) -> None:
    with pytest.raises(ValueError, match="decoder-only"):
        LanguageModel(model.encoder, model.tokenizer, "encoder-decoder")
    with pytest.raises(ValueError, match=r"13 tokens.*vocab_size=tokenizer\.vocab_size"):
        LanguageModel(Encoder(8, embedding_dim=8, num_heads=2), model.tokenizer)


@pytest.mark.parametrize("level", ["word", "byte"])
def test_it_is_the_same_after_a_round_trip(level: str, tmp_path: Path) -> None:
    model = new_model(level=level)
    model.training_history = [{"epoch": 1, "train_loss": 2.5}]
    model.save(tmp_path / "models" / "minilm.pt")
    loaded = LanguageModel.load(tmp_path / "models" / "minilm.pt")
    ids = ids_of(model, "the cat")
    assert torch.equal(loaded(ids), model(ids))
    assert loaded.training_history == model.training_history
    assert loaded.generate("the", 10, do_sample=False) == model.generate("the", 10, do_sample=False)


def test_errors_name_the_damaged_file(model: LanguageModel, tmp_path: Path) -> None:
    path = tmp_path / "minilm.pt"
    model.save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"minilm\.pt"):
        LanguageModel.load(path)
    path.write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"minilm\.pt"):
        LanguageModel.load(path)
    with pytest.raises(FileNotFoundError, match=r"other\.pt"):
        LanguageModel.load(tmp_path / "other.pt")


def test_the_output_layer_is_the_embedding(model: LanguageModel) -> None:
    names = {name for name, _ in model.named_parameters()}
    assert not any("head" in name for name in names)
    assert torch.equal(model.bias, torch.zeros(32))
