from . import kernel, normal


class SampleToken:
    """One token of 10,000: from all, from the 40 best, from a nucleus."""

    params = ("all", "top_k", "top_p")
    param_names = ("among",)

    def setup(self, among):
        self.options = {"all": (0, 1.0), "top_k": (40, 1.0), "top_p": (0, 0.9)}[among]
        self.sample, self.logits = kernel("sample_token"), 3 * normal(10_000)
        self.time_sample(among)

    def time_sample(self, among):
        self.sample(self.logits, 0, 1, 0, 0.8, *self.options)
