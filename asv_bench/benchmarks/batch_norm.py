from . import kernel, normal


class BatchNorm:
    """float32, the book's LeNet and a stage of ResNet: an element is 12 bytes forward, 24 backward."""

    params = ([(128, 6, 24, 24), (128, 16, 8, 8), (128, 120), (32, 64, 56, 56)],)
    param_names = ("shape",)

    def setup(self, shape):
        self.forward, self.gradient = kernel("batch_norm"), kernel("batch_norm_backward")
        self.inference = kernel("batch_norm_inference")
        self.x, self.dy, self.one = normal(*shape), normal(*shape), normal(shape[1]) ** 2
        _, self.mean, self.rstd, *_ = self.forward(self.x, *[self.one] * 4)
        self.time_backward(shape)
        self.time_inference(shape)

    def time_forward(self, shape):
        self.forward(self.x, *[self.one] * 4)

    def time_inference(self, shape):
        self.inference(self.x, *[self.one] * 4)

    def time_backward(self, shape):
        self.gradient(self.dy, self.x, self.one, self.mean, self.rstd)
