"""What flowed through the net of a run, epoch by epoch: measured, and kept in a file."""

import dataclasses
import json

from nbdl import nn
from nbdl.data._fault import look, reading
from nbdl.nn._inputs import taken
from nbdl.train._statistics import Activation, Statistics, Weights, measured


class Flow(dict):
    """What `nbdl.statistics` found after an epoch, as data of JSON: "epoch", "activations", "parameters".

    ``print`` gives the table of `Statistics`.
    """

    def __str__(self):
        return f"after epoch {self['epoch']}\n\n{self.statistics}"

    @property
    def statistics(self):
        """The same as `Statistics`."""
        return Statistics(
            [Activation(**a) for a in self["activations"]], [Weights(**p) for p in self["parameters"]]
        )


def flow(net, updates, epoch):
    """The `Flow` on the first minibatch of the data of `updates`."""
    config = updates.config
    x, y = (taken(a, slice(0, config.batch_size)) for a in updates.train)

    def compute(prediction):
        return updates.loss(prediction, y, **config.loss_options)

    with updates.updater.freezing():
        found = measured(net, x, compute, nn.Train(config.seed, updates.updater.steps))
    return as_row(epoch, found)


def read_rows(path, epoch):
    """The rows of the file of a run up to an epoch; none if there is no such file."""
    if look(path) is None:
        return []
    with reading(path, "statistics of a run"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for row in rows:
            if as_row(int(row["epoch"]), Flow(row).statistics) != row:
                raise ValueError("a line has other fields")
        return [Flow(row) for row in rows if row["epoch"] <= epoch]


def as_row(epoch, found):
    """The `Flow` of a `Statistics`."""
    parts = {"activations": found.activations, "parameters": found.parameters}
    return Flow(epoch=epoch, **{k: [dataclasses.asdict(part) for part in v] for k, v in parts.items()})
