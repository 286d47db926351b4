"""Tests of Transformer: causal attention, query tokens, the cache, and dropout."""

from __future__ import annotations

import torch
from torch import nn

from tabwidget.minilm.transformer import Block, KeyValueCache, Transformer, relu_squared


def test_a_token_does_not_affect_earlier_states() -> None:
    torch.manual_seed(0)
    model = Transformer(16, 32, layers=2, heads=4).eval()
    x = torch.randn(3, 7, 16)
    changed = x.clone()
    changed[:, 4] = torch.randn(3, 16)
    before, after = model(x), model(changed)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_a_mask_limits_attention() -> None:
    torch.manual_seed(0)
    model = Transformer(8, 16, layers=1, heads=2).eval()
    x = torch.randn(1, 5, 8)
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    torch.testing.assert_close(model(x, causal), model(x))
    everything = torch.ones(5, 5, dtype=torch.bool)
    assert not torch.allclose(model(x, everything)[:, 0], model(x)[:, 0])


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    block = Block(8, 16, heads=2, dropout=0.5)
    nn.init.normal_(block.forward_out.weight)
    x = torch.randn(2, 3, 8)
    assert not torch.equal(block(x), block(x))
    block.eval()
    assert torch.equal(block(x), block(x))


def test_relu_squared_has_the_gradient_of_its_formula() -> None:
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(relu_squared(x), x.relu().square())
    assert torch.autograd.gradcheck(relu_squared, (x,))


def test_query_tokens_are_not_attended_to() -> None:
    torch.manual_seed(0)
    model = Transformer(8, 16, layers=2, heads=2).eval()
    x = torch.randn(1, 6, 8)  # four context tokens, two queries
    within = torch.ones(6, 6, dtype=torch.bool).tril()
    mask = within[None, None, :, :4]
    together = model.forward_queries(x, mask, 4)
    changed = x.clone()
    changed[:, 5] = 0
    torch.testing.assert_close(model.forward_queries(changed, mask, 4)[:, 0], together[:, 0])


def test_a_cache_gives_the_same_states_and_grows() -> None:
    torch.manual_seed(0)
    model, cache = Transformer(8, 16, layers=2, heads=2).eval(), KeyValueCache(2)
    x = torch.randn(1, 5, 8)
    pieces = [model(x[:, i : i + 1], cache=cache) for i in range(5)]
    torch.testing.assert_close(torch.cat(pieces, 1), model(x))
    assert cache.length == 5


def test_a_cache_can_be_reordered() -> None:
    torch.manual_seed(0)
    model, cache = Transformer(8, 16, layers=1, heads=2).eval(), KeyValueCache(4)
    x, more = torch.randn(2, 3, 8), torch.randn(1, 1, 8).expand(2, -1, -1)
    model(x, cache=cache)
    cache.reorder(torch.tensor([1, 1]))
    states = model(more, cache=cache)
    torch.testing.assert_close(states[0], states[1])
    torch.testing.assert_close(states[0], model(torch.cat((x[1:], more[:1]), 1))[0, 3:])
