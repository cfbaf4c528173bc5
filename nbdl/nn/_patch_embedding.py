"""Images as sequences of patches."""

from nbdl.errors import ShapeError
from nbdl.nn._conv2d import Conv2d
from nbdl.nn._options import by_name, positive
from nbdl.tape import as_tensor


class PatchEmbedding:
    """Images (N, C, H, W) as sequences of patches (N, T, features), row by row, T = H W / patch^2.

    Each square patch goes through one linear map: a convolution with windows side by side. Dosovitskiy et al.
    2021, An Image is Worth 16x16 Words, section 3.1; Zhang et al., Dive into Deep Learning, section 11.8.2.

    Parameters
    ----------
    features : int
    patch : int
        Pixels of a side; H and W are multiples of it.
    init : str
        Initializer of the matrix.

    Examples
    --------
    >>> nn.PatchEmbedding(64, 7)(np.zeros((2, 1, 28, 28))).shape
    (2, 16, 64)
    """

    @by_name("the others are options by name: nn.PatchEmbedding(64, 7)")
    def __init__(self, features, patch, *, init="xavier_uniform"):
        self.features = positive("PatchEmbedding: `features`", features)
        self.patch, self.init = positive("PatchEmbedding: `patch`", patch), init
        self.conv = Conv2d(self.features, self.patch, stride=self.patch, init=init)

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if x.ndim != 4 or x.shape[2] % self.patch or x.shape[3] % self.patch or not x.size:
            text = (
                "PatchEmbedding: `x` must be images (N, C, H, W), H and W multiples of `patch` ({}), got {}"
            )
            raise ShapeError(text, self.patch, x.shape)
        y = self.conv(x, train=train)
        return y.reshape(*y.shape[:2], y.shape[2] * y.shape[3]).transpose(0, 2, 1)
