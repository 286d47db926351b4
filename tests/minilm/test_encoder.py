"""The transformer: causal, and the same with dropout off."""

from __future__ import annotations

import torch
from torch import nn

from tabwidget.minilm.encoder import Block, Transformer, relu_squared


def test_changing_a_token_leaves_what_stands_before_it() -> None:
    torch.manual_seed(0)
    model = Transformer(16, 32, layers=2, heads=4).eval()
    x = torch.randn(3, 7, 16)
    changed = x.clone()
    changed[:, 4] = torch.randn(3, 16)
    before, after = model(x), model(changed)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_a_mask_says_what_a_position_sees() -> None:
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
