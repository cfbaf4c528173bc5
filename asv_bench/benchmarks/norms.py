from . import kernel, normal


class LayerNorm:
    """float32, rows of a transformer: an element is 8 bytes forward, 16 backward."""

    params = (["layer_norm", "rms_norm"], [(4096, 512), (128, 64, 96)])
    param_names = ("norm", "shape")

    def setup(self, norm, shape):
        self.forward, self.gradient = kernel(norm), kernel(f"{norm}_backward")
        self.x, self.dy, self.y = normal(*shape), normal(*shape), normal(*shape)
        one = normal(shape[-1]) ** 2
        self.affine = (one, one) if norm == "layer_norm" else (one,)
        self.time_forward(norm, shape)
        self.time_backward(norm, shape)

    def time_forward(self, norm, shape):
        self.forward(self.x, *self.affine, out=self.y)

    def time_backward(self, norm, shape):
        self.gradient(self.dy, self.x, self.affine[0])


class GroupNorm:
    """float32, a stage of ResNet: 8 groups, and a group for each channel."""

    params = ([(32, 64, 28, 28)],)
    param_names = ("shape",)

    def setup(self, shape):
        self.group, self.instance = kernel("group_norm"), kernel("instance_norm")
        self.group_gradient = kernel("group_norm_backward")
        self.x, self.dy, self.y = normal(*shape), normal(*shape), normal(*shape)
        self.one = normal(shape[1]) ** 2
        for run in (self.time_group, self.time_instance, self.time_group_backward):
            run(shape)

    def time_group(self, shape):
        self.group(self.x, self.one, self.one, 8, out=self.y)

    def time_instance(self, shape):
        self.instance(self.x, self.one, self.one, out=self.y)

    def time_group_backward(self, shape):
        self.group_gradient(self.dy, self.x, self.one, 8)


class LocalResponseNorm:
    """float32, behind the first convolution of AlexNet."""

    params = ([(8, 96, 26, 26)],)
    param_names = ("shape",)

    def setup(self, shape):
        self.forward, self.gradient = kernel("local_response_norm"), kernel("local_response_norm_dx")
        self.x, self.dy = normal(*shape), normal(*shape)
        self.time_forward(shape)
        self.time_dx(shape)

    def time_forward(self, shape):
        self.forward(self.x, 5)

    def time_dx(self, shape):
        self.gradient(self.dy, self.x, 5)


class LpNormalize:
    """float32, vectors of length 1 as for cosines: an element is 8 bytes forward, 16 backward."""

    params = ([(4096, 128)],)
    param_names = ("shape",)

    def setup(self, shape):
        self.forward, self.gradient = kernel("lp_normalize"), kernel("lp_normalize_dx")
        self.x, self.dy = normal(*shape), normal(*shape)
        self.y = self.forward(self.x)
        self.time_dx(shape)

    def time_forward(self, shape):
        self.forward(self.x)

    def time_dx(self, shape):
        self.gradient(self.dy, self.x, self.y)
