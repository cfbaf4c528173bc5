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
