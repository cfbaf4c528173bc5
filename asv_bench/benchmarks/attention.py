from . import kernel, normal


class Attention:
    """float32, one thread: long and short sequences; 4 and 10 N H T^2 D operations."""

    params = ([(1, 8, 2048, 64), (8, 8, 128, 64), (128, 4, 10, 64)], [False, True])
    param_names = ("shape", "causal")

    def setup(self, shape, causal):
        self.forward = kernel("scaled_dot_product_attention")
        self.gradient = kernel("scaled_dot_product_attention_backward")
        self.q, self.k, self.v, self.dy, self.out = (normal(*shape) for _ in range(5))
        self.y, self.lse = self.forward(self.q, self.k, self.v, causal=causal)
        self.time_forward(shape, causal)
        self.time_backward(shape, causal)

    def time_forward(self, shape, causal):
        self.forward(self.q, self.k, self.v, causal=causal, out=self.out)

    def time_backward(self, shape, causal):
        self.gradient(self.dy, self.q, self.k, self.v, self.y, self.lse, causal=causal)
