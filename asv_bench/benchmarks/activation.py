from . import kernel, normal, part


def activations():
    """Those that keep the shape and have no option, as the registry knows them."""
    records = part("registry", "default")()
    known = [records.get("kernel", name) for name in records.names("kernel")]
    ours = [r for r in known if str(r.reference).startswith("nbdl.kernels.activation.")]
    return sorted(r.name for r in ours if "softmax" not in r.name)


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
