from . import kernel, normal

SIZES = {  # N, D, Q
    "lenet": (128, 400, 120),
    "mlp": (128, 784, 256),
    "wide": (128, 1024, 1024),
    "deep": (128, 4096, 1024),
}


class Linear:
    """2 N D Q FLOPs forward, as many for dx and as many for dw.

    MFLOP each: lenet 12.3, mlp 51.4, wide 268.4, deep 1073.7.
    """

    params = (list(SIZES), ["float32", "float64"])
    param_names = ("case", "dtype")

    def setup(self, case, dtype):
        N, D, Q = SIZES[case]
        self.x, self.w, self.b = normal(N, D, dtype=dtype), normal(D, Q, dtype=dtype), normal(Q, dtype=dtype)
        self.linear, self.dx, self.dw = kernel("linear"), kernel("linear_dx"), kernel("linear_dw")
        self.dy = self.linear(self.x, self.w, self.b)
        self.time_dx(case, dtype)
        self.time_dw(case, dtype)

    def time_forward(self, case, dtype):
        self.linear(self.x, self.w, self.b)

    def time_dx(self, case, dtype):
        self.dx(self.dy, self.w)

    def time_dw(self, case, dtype):
        self.dw(self.dy, self.x)


class LinearTransposed:
    """The same FLOPs, with w (Q, D); the last size is that of an output layer of a language model."""

    params = ([*SIZES, "vocabulary"], ["float32", "float64"])
    param_names = ("case", "dtype")

    def setup(self, case, dtype):
        N, D, Q = SIZES.get(case, (256, 128, 10000))
        self.x, self.w, self.b = normal(N, D, dtype=dtype), normal(Q, D, dtype=dtype), normal(Q, dtype=dtype)
        self.forward, self.dx, self.dw = (kernel(f"linear_transposed{of}") for of in ("", "_dx", "_dw"))
        self.dy = self.forward(self.x, self.w, self.b)
        self.time_dx(case, dtype)
        self.time_dw(case, dtype)

    def time_forward(self, case, dtype):
        self.forward(self.x, self.w, self.b)

    def time_dx(self, case, dtype):
        self.dx(self.dy, self.w)

    def time_dw(self, case, dtype):
        self.dw(self.dy, self.x)
