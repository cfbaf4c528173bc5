from . import kernel, normal, part


def activations():
    """Those of x alone that keep the shape, as the registry knows them."""
    records = part("registry", "default")()
    known = [records.get("kernel", name) for name in records.names("kernel")]
    ours = [r for r in known if str(r.reference).startswith("nbdl.kernels.activation.")]
    return sorted(r.name for r in ours if r.inputs == ("x",) and not r.name.endswith(("softmax", "glu")))


class Activation:
    """2**20 float32 numbers: 8 MiB read and written forward; 16 MiB backward, for dy, y and dx (twice)."""

    params = activations()
    param_names = ("name",)

    def setup(self, name):
        self.forward, self.gradient = kernel(name), kernel(f"{name}_dx")
        self.x = normal(256, 4096)
        self.y, self.dy = self.forward(self.x), self.x  # a gradient takes x as long as it takes y
        self.time_dx(name)

    def time_forward(self, name):
        self.forward(self.x)

    def time_dx(self, name):
        self.gradient(self.dy, self.y)


class Gate:
    """The same of 2**21 numbers, the halves of each row; 2**20 are written forward."""

    params = ("glu", "swiglu")
    param_names = ("name",)

    def setup(self, name):
        self.forward, self.gradient = kernel(name), kernel(f"{name}_dx")
        self.x = normal(256, 8192)
        self.dy = self.forward(self.x)
        self.time_dx(name)

    def time_forward(self, name):
        self.forward(self.x)

    def time_dx(self, name):
        self.gradient(self.dy, self.x)


class PReLU:
    """2**20 numbers with a slope for each of 64 channels."""

    def setup(self):
        self.forward, self.dx, self.dw = (kernel(f"prelu{part}") for part in ("", "_dx", "_dw"))
        self.x, self.w = normal(16, 64, 32, 32), normal(64)
        self.dy = self.forward(self.x, self.w)
        self.time_dx()
        self.time_dw()

    def time_forward(self):
        self.forward(self.x, self.w)

    def time_dx(self):
        self.dx(self.dy, self.x, self.w)

    def time_dw(self):
        self.dw(self.dy, self.x, self.w.shape)
