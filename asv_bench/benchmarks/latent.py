from . import kernel, normal


class Codes:
    """Float32 codes of a minibatch of 128: 16 latent dimensions drawn, and their divergence."""

    params = ("gaussian_sample", "gaussian_kl")
    param_names = ("kernel",)

    def setup(self, name):
        self.options = {"seed": 0, "op": 0, "step": 0} if name == "gaussian_sample" else {}
        self.forward, self.mean, self.log_var = kernel(name), normal(128, 16), normal(128, 16)
        self.time_forward(name)

    def time_forward(self, name):
        self.forward(self.mean, self.log_var, **self.options)
