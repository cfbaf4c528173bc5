"""One step of the nets that a program holds whole, held to PyTorch: every gradient, every running average."""

import numpy as np
import pytest

from nbdl import nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional
WITHIN = 1e-4  # norm of the difference over the norm of what PyTorch finds


def linear(v, name, x):
    return x @ v[f"{name}.w"] + v[f"{name}.b"]


def conv(v, name, x, padding=0):
    return F.conv2d(x, v[f"{name}.w"], v[f"{name}.b"], padding=padding)


def norm(v, name, x):
    return F.batch_norm(
        x, v[f"{name}.running_mean"], v[f"{name}.running_var"], v[f"{name}.gamma"], v[f"{name}.beta"], True
    )


def bn_lenet(v, x):
    x = F.avg_pool2d(torch.sigmoid(norm(v, "1", conv(v, "0", x, padding=2))), 2)
    x = F.avg_pool2d(torch.sigmoid(norm(v, "5", conv(v, "4", x))), 2).flatten(1)
    x = torch.sigmoid(norm(v, "10", linear(v, "9", x)))
    return linear(v, "15", torch.sigmoid(norm(v, "13", linear(v, "12", x))))


def residual(v, x):
    x = torch.relu(norm(v, "1", conv(v, "0", x, padding=1)))
    h = torch.relu(norm(v, "3.body.1", conv(v, "3.body.0", x, padding=1)))
    x = torch.relu(x + conv(v, "3.body.3", h))
    return linear(v, "6", F.avg_pool2d(x, 2).flatten(1))


def beside(v, x):
    h = torch.relu(conv(v, "0.parts.1.0", x))
    x = torch.cat([conv(v, "0.parts.0", x), conv(v, "0.parts.1.2", h, padding=1)], 1)
    return linear(v, "5", F.max_pool2d(torch.relu(norm(v, "1", x)), 2).flatten(1))


def bigram(v, ids):
    return linear(v, "1", v["0.w"][ids])


def window(v, ids):
    return linear(v, "4", torch.tanh(linear(v, "2", v["0.w"][ids].flatten(1))))


def tied(v, ids):
    return F.linear(torch.tanh(linear(v, "1", v["0.w"][ids])), v["0.w"], v["3.b"])


def unrolled(v, x):
    h = torch.zeros(len(x), 6)
    for t in range(3):
        h = torch.tanh(linear(v, "wx", x[:, t]) + h.to(x.dtype) @ v["wh.w"])
    return linear(v, "last", h) + 0.5


def recurrent(v, ids):
    h, states = torch.zeros(len(ids), len(v["rnn.wh"]), dtype=v["rnn.wh"].dtype), []
    for x in v["embedding.w"][ids].unbind(1):
        h = torch.tanh(x @ v["rnn.wx"] + h @ v["rnn.wh"] + v["rnn.b"])
        states.append(h)
    return linear(v, "head", torch.stack(states, 1))


def layers_of_torch(v, name, x, state=None, lengths=None):
    """What PyTorch's own two layers make of x, and their last states (layers, N, H)."""
    weights, (size, H) = {}, (x.shape[2], v[f"{name}.0.wh"].shape[0])
    for i in range(2):
        for theirs, ours in (("weight_ih", "wx"), ("weight_hh", "wh"), ("bias_ih", "b"), ("bias_hh", "bh")):
            weights[f"{theirs}_l{i}"] = v[f"{name}.{i}.{ours}"].swapaxes(0, -1)
    if lengths is not None:
        x = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    layers = torch.nn.GRU(size, H, 2, batch_first=True, device="meta")
    return torch.func.functional_call(layers, weights, (x, state))


def seq2seq(v, source, source_length, target):
    x = v["encoder.embedding.w"][source]
    _, state = layers_of_torch(v, "encoder.stack", x, lengths=source_length)
    x = v["decoder.embedding.w"][target]
    context = state[-1][:, None].expand(-1, x.shape[1], -1)
    y, _ = layers_of_torch(v, "decoder.stack", torch.cat([x, context], 2), state)
    return linear(v, "decoder.logits", y)


def masked_mean(v, x, lengths):
    h, position = torch.tanh(linear(v, "first", x)), torch.arange(x.shape[1])
    h = torch.where((position < lengths[:, None])[:, :, None], h, 0)
    last = h[torch.arange(len(x)), lengths - 1]
    return linear(v, "last", h.sum(1) / lengths[:, None] + last)


def two_tensors(v, x):
    h = torch.tanh(linear(v, "body", x))
    return linear(v, "logits", h), linear(v, "numbers", h)


def cross_entropy(logits, labels):
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten())


def both(prediction, target):
    logits, numbers = prediction
    return F.cross_entropy(logits, target["label"]) + 0.5 * F.mse_loss(numbers, target["value"])


PEERS = bn_lenet, residual, beside, bigram, window, tied, unrolled, recurrent, masked_mean, two_tensors
PEERS = {f.__name__: f for f in (*PEERS, seq2seq)}


def tensors(a, dtype):
    if isinstance(a, dict):
        return {k: tensors(v, dtype) for k, v in a.items()}
    a = torch.tensor(a)
    return a.to(dtype) if a.is_floating_point() else a


def of_torch(whole, net, x, y, dtype):
    """Loss, gradients by name, and the values of the buffers after a step."""
    parameters = nn.named_parameters(net)
    v = {name: tensors(a, dtype) for name, a in nn.state_dict(net).items()}
    for name in parameters:
        v[name].requires_grad_()
    x, y = tensors(x, dtype), tensors(y, dtype)
    peer, loss = PEERS[whole.name], both if whole.name == "two_tensors" else cross_entropy
    value = loss(peer(v, **x) if isinstance(x, dict) else peer(v, x), y)
    value.backward()
    gradients = {name: v[name].grad.numpy() for name in parameters}
    return value.item(), gradients, {name: v[name].numpy() for name in nn.named_buffers(net)}


@pytest.mark.parametrize("whole", PEERS, indirect=True)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_every_gradient_and_running_average(whole, dtype):
    """PyTorch in the dtype of the net, and in float64, where it is the truth.

    A bias in front of a batch norm has a gradient of zero, of which rounding is left: it is held to the norm
    of the gradient of all parameters.
    """
    net = whole.net()
    x, y = whole.some(slice(0, 37))
    loss, gradients, buffers = of_torch(whole, net, x, y, dtype)
    step = whole.step(net, lr=0.1, threads=2)
    assert step(x, y) == pytest.approx(loss, rel=1e-5)
    assert set(gradients) == set(step.gradients)
    of_all = np.sqrt(sum(np.sum(np.square(g)) for g in gradients.values()))
    errors = {}
    for name, theirs in gradients.items():
        size = np.linalg.norm(theirs)
        size = size if size > 1e-5 * of_all else of_all
        errors[name] = np.linalg.norm(step.gradients[name] - theirs) / size
    for name, theirs in buffers.items():
        errors[name] = np.linalg.norm(nn.named_buffers(net)[name].data - theirs) / np.linalg.norm(theirs)
    worst = max(errors, key=errors.get)
    assert errors[worst] <= WITHIN, (worst, errors[worst])
