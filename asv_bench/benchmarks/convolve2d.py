from . import kernel, normal


class Convolve2d:
    """2 N KH KW P Q FLOPs, mode "same", kernels of 7 x 7. MFLOP: photo 102.8, batch 6.4."""

    params = ("photo", "batch")
    param_names = ("case",)

    def setup(self, case):
        shape = {"photo": (1024, 1024), "batch": (64, 32, 32)}[case]
        self.x, self.w = normal(*shape), normal(7, 7)
        self.forward, self.dx, self.dw = (kernel(f"convolve2d{d}") for d in ("", "_dx", "_dw"))
        self.dy = self.forward(self.x, self.w, "same")
        self.time_dx(case)
        self.time_dw(case)

    def time_forward(self, case):
        self.forward(self.x, self.w, "same")

    def time_dx(self, case):
        self.dx(self.dy, self.w, "same")

    def time_dw(self, case):
        self.dw(self.dy, self.x, (7, 7), "same")


class Pad2d:
    """Reads x and writes y, (64, 16, 34, 34): 8.9 MB (float32)."""

    params = ("constant", "reflect", "edge")
    param_names = ("mode",)

    def setup(self, mode):
        self.x, self.forward, self.dx = normal(64, 16, 32, 32), kernel("pad2d"), kernel("pad2d_dx")
        self.dy = self.forward(self.x, 1, mode)
        self.time_dx(mode)

    def time_forward(self, mode):
        self.forward(self.x, 1, mode)

    def time_dx(self, mode):
        self.dx(self.dy, self.x.shape, 1, mode)
