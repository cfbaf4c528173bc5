from . import kernel, normal

CASES = {"patches": ((32, 3, 64, 64), {"kernel": 8, "stride": 8}), "3 x 3": ((8, 32, 28, 28), {"kernel": 3})}


class Unfold2d:
    """Windows as columns and back (float32): each element of y is read and written once.

    MB of y: patches 1.6, 3 x 3 6.2.
    """

    params = (list(CASES),)
    param_names = ("case",)

    def setup(self, case):
        shape, self.options = CASES[case]
        self.x, self.unfold, self.fold = normal(*shape), kernel("unfold2d"), kernel("fold2d")
        self.y = self.unfold(self.x, **self.options)
        self.time_fold(case)

    def time_unfold(self, case):
        self.unfold(self.x, **self.options)

    def time_fold(self, case):
        self.fold(self.y, self.x.shape[2:], **self.options)
