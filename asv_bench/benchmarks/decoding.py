from . import kernel, normal


class SampleToken:
    """One token of 10,000: from all, from the 40 best, from a nucleus."""

    params = ((0, 1.0), (40, 1.0), (0, 0.9))
    param_names = ("top_k, top_p",)

    def setup(self, options):
        self.sample, self.logits = kernel("sample_token"), 3 * normal(10_000)
        self.time_sample(options)

    def time_sample(self, options):
        self.sample(self.logits, 0, 1, 0, 0.8, *options)
