"""How well and how fast the models learn: one training for each call, which adds a line to a table.

    python asv_bench/trainings.py resnet20 --data mnist.npz --threads 2
    python asv_bench/trainings.py googlenet --data mnist.npz --epochs 1 --set lr=0.002 --against torch
    python asv_bench/trainings.py lstm_lm --data book.txt

Settings are those of ``nbdl train``: the model's preset for the data, then the options. A line of the table
(JSON) has the settings, the metrics on the test samples, and the seconds of the training, compiling and the
measurements after each epoch included. PyTorch trains the same net of images from the same weights, on the
same minibatches, in its own way.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nbdl import nn, registry
from nbdl.cli._train import parse, split
from nbdl.data import load
from nbdl.records import resolve as code
from nbdl.train import compile_config, resolve, train

AT_ONCE = 256  # images of a test minibatch in PyTorch


def main():
    options = _options()
    if not Path(options.data).exists():
        print(f"skipped: there is no {options.data}; name a data file with --data", file=sys.stderr)
        return
    if options.against == "torch":
        try:
            import torch  # noqa: F401
        except ImportError:
            print("skipped: torch is not installed", file=sys.stderr)
            return
    changes = dict(split("--set", text) for text in options.changes)
    overrides = {key: parse(text) for key, text in changes.items()}
    given = {"data": options.data, "epochs": options.epochs, "seed": options.seed, "threads": options.threads}
    overrides |= {key: value for key, value in given.items() if value is not None}
    config = resolve(options.model, overrides=overrides)
    if options.against and config.data_options.get("text"):
        print("skipped: PyTorch trains models of images alone here", file=sys.stderr)
        return
    found = _torch(config) if options.against else _ours(config)
    kept = "model", "epochs", "batch_size", "optimizer", "lr", "schedule", "seed", "threads", "model_options"
    kept += "clip_norm", "data_options"
    row = {"by": options.against or "nbdl", **{name: getattr(config, name) for name in kept}, **found}
    row |= {name: round(value, 5) for name, value in row.items() if isinstance(value, float)}
    with Path(options.table).open("a") as table:
        table.write(json.dumps(row) + "\n")
    print(json.dumps(row))


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", default="mnist.npz", help="a file, as for nbdl train")
    parser.add_argument("--table", default="trainings.jsonl", help="where the line goes")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--against", choices=["torch"])
    return parser.parse_args()


def _say(epoch, row):
    print(f"epoch {epoch}: " + ", ".join(f"{k} {v:.4f}" for k, v in row.items()), file=sys.stderr, flush=True)


def _ours(config):
    def progress(event, **fields):
        if event == "epoch":
            _say(fields["epoch"], {k: v for k, v in fields.items() if k.startswith("test_")})

    with tempfile.TemporaryDirectory() as folder:
        run = train(config, out=Path(folder) / "run", progress=progress)
    figures = {name: value for name, value in run.best.items() if name.startswith("test_")}
    times = {"seconds": run.seconds, "cpu_seconds": time.process_time()}
    return {"parameters": _count(run.net), **figures, **times}


def _count(net):
    return sum(p.data.size for p in nn.parameters(net))


def _torch(config):
    """The same training in PyTorch; the layout of images in memory is the one that is faster for it."""
    import torch
    from torch.nn import functional

    from nbdl.bench._torch import OPTIMIZERS, module

    data = load(config.data, **config.data_options)
    ours = compile_config(config, data).net
    torch.set_num_threads(config.threads or torch.get_num_threads())
    torch.manual_seed(config.seed)
    layout = torch.channels_last
    net = module(ours).to(memory_format=layout)
    (x, y), (test_x, test_y) = (
        (
            torch.from_numpy(np.asarray(part.x, np.float32)).contiguous(memory_format=layout),
            torch.from_numpy(np.asarray(part.y, np.int64)),
        )
        for part in (data.train, data.test)
    )
    optimizer = OPTIMIZERS[config.optimizer](
        net.parameters(), config.lr, fused=True, **config.optimizer_options
    )
    rate = code(registry.default().get("schedule", config.schedule).rate)
    batches = -(-len(x) // config.batch_size)
    steps, begun = batches * config.epochs, time.perf_counter()
    for epoch in range(config.epochs):
        order = np.random.Generator(np.random.Philox(key=[config.seed, epoch])).permutation(len(x))
        net.train()
        for i in range(batches):
            rows = order[i * config.batch_size :][: config.batch_size]
            optimizer.param_groups[0]["lr"] = config.lr * rate(
                epoch * batches + i, steps, **config.schedule_options
            )
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            answers = torch.cat([net(part) for part in test_x.split(AT_ONCE)])
        loss = functional.cross_entropy(answers, test_y).item()
        accuracy = (answers.argmax(1) == test_y).double().mean().item()
        _say(epoch + 1, {"test_loss": loss, "test_accuracy": accuracy})
    return {
        "parameters": _count(ours), "test_loss": loss, "test_accuracy": accuracy,
        "seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time(),
    }  # fmt: skip


if __name__ == "__main__":
    main()
