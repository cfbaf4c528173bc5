import numpy as np

from . import integers, normal

BATCH = 256


class Step:
    """Images 28 x 28 through the eager tape, batch 256, float32, plain SGD.

    MFLOP forward (a training step has three times as many, less the dx of the first layer): lenet and
    lenet_modern 213, mlp 104.
    """

    params = ("lenet", "lenet_modern", "mlp")
    param_names = ("model",)

    def setup(self, model):
        from nbdl import models, nn, optim, tape

        self.nn, self.no_grad = nn, tape.no_grad
        self.x, self.y = normal(BATCH, 1, 28, 28), integers(BATCH, 10)
        self.net = nn.init(getattr(models, model)(), self.x)
        self.updater = optim.Updater("sgd", self.net, lr=1e-3)
        self.time_train(model)
        self.time_predict(model)

    def time_train(self, model):
        prediction = self.net(self.x, train=self.nn.Train(0, self.updater.steps))
        self.nn.softmax_cross_entropy(prediction, self.y).backward()
        self.updater.step()

    def time_predict(self, model):
        with self.no_grad():
            np.argmax(self.net(self.x).data, axis=1)


class Program:
    """The training steps of `nbdl bench` as compiled programs, on 1 and 2 threads.

    MFLOP of a step: lenet 579.6 (B = 256) and 72.4 (B = 32), lenet_modern and bn_lenet 579.6, mlp 209.5,
    mlp_dropout 310.1, softmax_regression 8.0, conv_net 3858.2, resnet20 15616, resnet18 62570,
    googlenet_half 46317, gpt 10177, vit 1754.
    """

    params = (
        ["lenet 256", "lenet 32", "lenet_modern 256", "bn_lenet 256", "mlp 256", "mlp_dropout 256",
         "softmax_regression 256", "conv_net 64", "resnet20 64", "resnet18 32", "googlenet_half 64",
         "gpt 32", "vit 128"],
        [1, 2],
    )  # fmt: skip
    param_names = ("step", "threads")

    def setup(self, step, threads):
        from nbdl.bench import rows

        name, batch = step.split()
        (case,) = (c for c in rows([name], threads) if c.batch == int(batch))
        self.run = case.start(case.arguments())
        self.time_train(step, threads)

    def time_train(self, step, threads):
        self.run(1)


class Calls:
    """A user's own loop of single calls, beside `run` on as many minibatches: the difference is Python's.

    `few` is a net of 8-8-3, whose native work takes some microseconds.
    """

    params = (["few 32", "lenet 32", "lenet 256"], [1, 2])
    param_names = ("net", "threads")
    many = 16

    def setup(self, net, threads):
        from nbdl import compile_step, models

        name, batch = net.split()
        self.batch = int(batch)
        if name == "few":
            made, self.x, self.y = models.mlp(3, (8,)), normal(self.batch, 8), integers(self.batch, 3)
        else:
            made, self.x = models.lenet(), normal(self.batch, 1, 28, 28)
            self.y = integers(self.batch, 10)
        self.step = compile_step(made, example=(self.x, self.y), threads=threads, lr=1e-3)
        self.order = np.tile(np.arange(self.batch), self.many)
        self.time_calls(net, threads)
        self.time_run(net, threads)

    def time_calls(self, net, threads):
        for _ in range(self.many):
            self.step(self.x, self.y, lr=1e-3)

    def time_run(self, net, threads):
        self.step.run(self.x, self.y, self.order, self.batch, 1e-3)


class Predict:
    """The predictions of `nbdl bench` for one image: MFLOP lenet 0.8, resnet18 669."""

    params = ("lenet", "resnet18")
    param_names = ("model",)

    def setup(self, model):
        from nbdl.bench import rows

        (case,) = rows([f"predict_{model}"])
        self.run = case.start(case.arguments())
        self.time_predict(model)

    def time_predict(self, model):
        self.run(1)
