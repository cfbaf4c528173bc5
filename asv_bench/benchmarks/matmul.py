from . import kernel, normal

SIZES = {  # B, M, K, N
    "square": (1, 512, 512, 512),
    "attention scores": (64, 128, 64, 128),
    "attention values": (64, 128, 128, 64),
}


class Matmul:
    """2 B M K N FLOPs forward, as many for da and as many for db.

    MFLOP each: square 268.4, attention scores and values 134.2.
    """

    params = (list(SIZES), ["float32", "float64"])
    param_names = ("case", "dtype")

    def setup(self, case, dtype):
        B, M, K, N = SIZES[case]
        name = "matmul" if B == 1 else "bmm"
        self.forward, self.da, self.db = (kernel(f"{name}{gradient}") for gradient in ("", "_da", "_db"))
        batch = () if B == 1 else (B,)
        self.a, self.b = normal(*batch, M, K, dtype=dtype), normal(*batch, K, N, dtype=dtype)
        self.dy = self.forward(self.a, self.b)
        self.time_da(case, dtype)
        self.time_db(case, dtype)

    def time_forward(self, case, dtype):
        self.forward(self.a, self.b)

    def time_da(self, case, dtype):
        self.da(self.dy, self.b)

    def time_db(self, case, dtype):
        self.db(self.dy, self.a)
