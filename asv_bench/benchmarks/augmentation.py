from . import kernel, normal

KEY = {"seed": 0, "op": 0, "step": 0}


class Augmentation:
    """64 float32 images of 3 x 32 x 32: moved and flipped whole; of noise a random word for each element."""

    params = ("random_crop", "random_flip", "gaussian_noise")
    param_names = ("kernel",)

    def setup(self, name):
        self.options = {
            "random_crop": {"size": (32, 32), "padding": (4, 4, 4, 4)},
            "random_flip": {"p": 0.5},
            "gaussian_noise": {"std": 0.1},
        }[name]
        self.forward, self.x = kernel(name), normal(64, 3, 32, 32)
        self.time_forward(name)

    def time_forward(self, name):
        self.forward(self.x, **self.options, **KEY)
