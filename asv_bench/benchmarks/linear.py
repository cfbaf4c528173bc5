from . import kernel, normal

SIZES = {"lenet": (256, 400, 120), "mlp": (256, 784, 256), "wide": (512, 1024, 1024)}  # N, D, Q


class Linear:
    """2 N D Q FLOPs forward, as many for dx and as many for dw.

    MFLOP each: lenet 24.6, mlp 102.8, wide 1073.7.
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
