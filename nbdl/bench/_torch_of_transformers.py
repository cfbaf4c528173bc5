"""PyTorch's Transformers with the parameters of ours: blocks, positions, patches."""

import numpy as np
import torch

from nbdl import nn


class _Block(torch.nn.Module):
    """`torch.nn.TransformerEncoderLayer`, told that its mask is causal where it is."""

    def __init__(self, block):
        super().__init__()
        size, att, feed = len(block.attention.wq), block.attention, block.feed_forward
        self.causal, activation = block.causal, {"gelu": "gelu", "relu": "relu"}[block.activation]
        self.layer = torch.nn.TransformerEncoderLayer(
            size, block.heads, block.hidden, block.p, activation, batch_first=True,
            norm_first=block.norm_first,
        )  # fmt: skip
        own, theirs = self.layer, self.layer.self_attn
        _give(theirs.in_proj_weight, np.concatenate([w.data.T for w in (att.wq, att.wk, att.wv)]))
        _give(theirs.in_proj_bias, np.concatenate([b.data for b in (att.bq, att.bk, att.bv)]))
        for linear, w, b in (
            (theirs.out_proj, att.wo, att.bo), (own.linear1, feed.w1, feed.b1),
            (own.linear2, feed.w2, feed.b2), (own.norm1, block.norm1.gamma, block.norm1.beta),
            (own.norm2, block.norm2.gamma, block.norm2.beta),
        ):  # fmt: skip
            _give(linear.weight, w.data.T)
            _give(linear.bias, b.data)

    def forward(self, x):
        mask = torch.nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.causal else None
        return self.layer(x, src_mask=mask, is_causal=self.causal)


class _Positions(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.w = torch.nn.Parameter(torch.from_numpy(layer.w.data.copy()))

    def forward(self, x):
        return x + self.w[: x.shape[1]]


class _Patches(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        w = layer.conv.w.data
        self.conv = torch.nn.Conv2d(w.shape[1], len(w), layer.patch, layer.patch)
        _give(self.conv.weight, w)
        _give(self.conv.bias, layer.conv.b.data)

    def forward(self, x):
        return self.conv(x).flatten(2).transpose(1, 2)


class _Mean(torch.nn.Module):
    """`nn.Lambda("mean", {"axis": ...})`."""

    def __init__(self, layer):
        super().__init__()
        self.axis = layer.options["axis"]

    def forward(self, x):
        return x.mean(self.axis)


def _embedding(layer):
    return torch.nn.Embedding.from_pretrained(torch.from_numpy(layer.w.data.copy()), freeze=False)


def _layer_norm(layer):
    made = torch.nn.LayerNorm(layer.gamma.size, layer.eps)
    _give(made.weight, layer.gamma.data)
    _give(made.bias, layer.beta.data)
    return made


def _give(parameter, values):
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(values.copy()))


LAYERS = {
    nn.Embedding: _embedding, nn.Lambda: _Mean, nn.LayerNorm: _layer_norm, nn.PatchEmbedding: _Patches,
    nn.PositionalEmbedding: _Positions, nn.TransformerEncoderBlock: _Block,
}  # fmt: skip
