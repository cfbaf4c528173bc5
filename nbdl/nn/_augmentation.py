"""Layers that change samples at random while training, and leave them as they are in a prediction."""

import math

from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.options import pair, sides
from nbdl.nn._options import is_number
from nbdl.nn._train import training
from nbdl.tape import apply, as_tensor


class RandomCrop:
    """While training, a window of each image (N, C, H, W) with zeros around it, at a random place.

    See `nbdl.kernels.random_crop`. In a prediction the window is the middle of the image.

    Parameters
    ----------
    padding : int, pair or (top, bottom, left, right)
        Zeros on each side.
    size : int or (rows, columns), optional
        Of the window, at most that of the image; that of the image if not given.
    """

    def __init__(self, padding=0, size=None):
        self.padding = sides("RandomCrop: `padding`", padding)
        if min(self.padding) < 0:
            raise OptionError("RandomCrop: `padding` must not be negative, got {}", padding)
        self.size = None if size is None else pair("RandomCrop: `size`", size)
        if self.size is not None and min(self.size) < 1:
            raise OptionError("RandomCrop: `size` must be at least 1, got {}", size)

    def __call__(self, x, train=None):
        x = as_tensor(x)
        _check_images(self, x)
        (H, W), (P, Q) = x.shape[2:], self.size or x.shape[2:]
        if P > H or Q > W:
            text = "RandomCrop: `size` must be at most that of the images, {} x {}, got {} x {}"
            raise ShapeError(text, H, W, P, Q)
        if train is not None:
            return apply("random_crop", x, size=(P, Q), padding=self.padding, **_key(self, train))
        if (P, Q) == (H, W):
            return x
        row, column = (H - P) // 2, (W - Q) // 2
        return x[:, :, row : row + P, column : column + Q]


class RandomShift:
    """While training, moves each image (N, C, H, W) by up to so many rows and columns; zeros come in.

    It is `RandomCrop` with this padding, and leaves images as they are in a prediction.

    Parameters
    ----------
    distance : int or (rows, columns)
    """

    def __init__(self, distance):
        self.distance = pair("RandomShift: `distance`", distance)
        if min(self.distance) < 0:
            raise OptionError("RandomShift: `distance` must not be negative, got {}", distance)

    def __call__(self, x, train=None):
        x = as_tensor(x)
        _check_images(self, x)
        if train is None:
            return x
        rows, columns = self.distance
        padding = rows, rows, columns, columns
        return apply("random_crop", x, size=x.shape[2:], padding=padding, **_key(self, train))


class RandomFlip:
    """While training, reverses the last axis of each sample (N, ..., W) with probability `p`.

    Images are flipped from left to right. See `nbdl.kernels.random_flip`.
    """

    def __init__(self, p=0.5):
        if not is_number(p) or not 0 <= p <= 1:
            raise OptionError("RandomFlip: `p` must lie in [0, 1], got {!r}", p)
        self.p = float(p)

    def __call__(self, x, train=None):
        if train is None:
            return as_tensor(x)
        return apply("random_flip", x, p=self.p, **_key(self, train))


class GaussianNoise:
    """While training, adds normal random numbers of standard deviation `std`.

    See `nbdl.kernels.gaussian_noise`.
    """

    def __init__(self, std=0.1):
        if not is_number(std) or not 0 <= std < math.inf:
            raise OptionError("GaussianNoise: `std` must be a finite number from 0, got {!r}", std)
        self.std = float(std)

    def __call__(self, x, train=None):
        if train is None:
            return as_tensor(x)
        return apply("gaussian_noise", x, std=self.std, **_key(self, train))


def _key(layer, train):
    train = training(layer, train)
    return {"seed": train.seed, "op": train.next_op(), "step": train.step}


def _check_images(layer, x):
    if x.ndim != 4:
        text = "{}: `x` must have 4 dimensions (N, C, H, W), got shape {}"
        raise ShapeError(text, type(layer).__name__, x.shape)
