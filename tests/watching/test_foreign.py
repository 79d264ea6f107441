"""Models and data handling that nobody here wrote: the word language model of Lightning's demos.

It is adapted there from PyTorch's own examples, and downloads its text; here the text is this project's license.
"""

import shutil
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

import backlight as bl
from backlight.recording.run import Run
from tests.watching.models import same_weights, weights

demo = pytest.importorskip("lightning.pytorch.demos.transformer")
LICENSE = Path(__file__).parents[2] / "LICENSE"


def trained(folder, watched):
    text = folder / "wikitext-2.txt"
    shutil.copy(LICENSE, text)
    data = demo.WikiText2(folder, block_size=10, download=False)
    torch.manual_seed(0)
    model = demo.Transformer(vocab_size=data.vocab_size, ninp=16, nhead=2, nhid=16, nlayers=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    if watched:
        bl.watch(model, optimizer, run=folder / "run", budget=None)
    for number in range(4):
        inputs, target = (part[None] for part in data[number])
        optimizer.zero_grad()
        F.nll_loss(model(inputs, target), target.view(-1)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()
    return model


def test_one_line_records_everything(tmp_path):
    bare, watched = trained(tmp_path, False), trained(tmp_path, True)
    assert same_weights(weights(bare), weights(watched))
    names = [name for name, _ in watched.named_parameters()]
    del watched
    run = Run.open(tmp_path / "run")
    recorded = set(run.tensor_names())
    for name in names:
        assert {f"param/{name}", f"grad/{name}", f"update/{name}"} <= recorded
        assert run.tensor(f"update/{name}")[0].tolist() == [0, 1, 2, 3]
    activations = {name for name in recorded if name.startswith("act/")}
    layer = "act/transformer.encoder.layers.0"
    assert {
        "act/embedding",
        f"{layer}.self_attn[0]",
        f"{layer}.linear1",
        f"{layer}.norm2",
        "act/decoder",
    } <= activations
    assert f"act/relu({layer.removeprefix('act/')}.linear1)" in activations
    assert "act/log_softmax(decoder)" in activations
    assert not run.first_nonfinite()
