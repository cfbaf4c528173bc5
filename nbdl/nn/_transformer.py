r"""Blocks of Transformers: attention and a feed-forward net, each added to what it reads and normalized.

.. math:: \mathrm{post:}\; h = \mathrm{norm}(x + a(x)),\quad y = \mathrm{norm}(h + f(h)) \qquad
          \mathrm{pre:}\; h = x + a(\mathrm{norm}(x)),\quad y = h + f(\mathrm{norm}(h))

Vaswani et al. 2017, Attention Is All You Need, section 3; the norms first: Xiong et al. 2020, On Layer
Normalization in the Transformer Architecture; Zhang et al., Dive into Deep Learning, section 11.7.
"""

from nbdl.errors import OptionError, ShapeError
from nbdl.nn._activations import Dropout
from nbdl.nn._attention import MultiHeadAttention, _linear, _probability
from nbdl.nn._layer_norm import LayerNorm
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter
from nbdl.nn._sequences import without_padding
from nbdl.tape import apply, as_tensor

ACTIVATIONS = ("gelu", "gelu_tanh", "relu", "silu")


class FeedForward:
    """Two linear maps with an activation between, the same at each position: x (N, ..., D) to that shape.

    ``y = activation(x w1 + b1) w2 + b2``. Vaswani et al. 2017, section 3.3.

    Parameters
    ----------
    hidden : int
        Features between the two.
    features : int, optional
        Of the result; None: as many as x has.
    activation : "relu", "gelu", "gelu_tanh" or "silu"
    p : float
        While training, each number behind the activation is set to 0 with this probability.
    bias : bool
    init : str
        Initializer of w1 and w2; the biases start at zero.

    Examples
    --------
    >>> nn.FeedForward(64, activation="gelu")(np.zeros((2, 9, 16))).shape
    (2, 9, 16)
    """

    @by_name('nbdl finds the input size itself: nn.FeedForward(512), nn.FeedForward(512, activation="gelu")')
    def __init__(self, hidden, *, features=None, activation="relu", p=0.0, bias=True, init="xavier_uniform"):
        self.hidden = positive("FeedForward: `hidden`", hidden)
        self.features = None if features is None else positive("FeedForward: `features`", features)
        self.activation, self.p = _activation("FeedForward", activation), _probability("FeedForward", p)
        self.bias, self.init = bool(bias), init
        self.w1, self.w2 = Parameter(init), Parameter(init)
        self.b1, self.b2 = (Parameter("zeros") if bias else None for _ in range(2))

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if x.ndim < 2:
            raise ShapeError("FeedForward: `x` must have at least 2 dimensions (N, D), got shape {}", x.shape)
        h = apply(self.activation, _linear(x, self.w1, self.b1, self.hidden))
        features = x.shape[-1] if self.features is None else self.features
        return _linear(_dropped(h, self.p, train), self.w2, self.b2, features)


class TransformerEncoderBlock:
    """Self-attention and a feed-forward net with their norms and shortcuts: x (N, T, D) to its shape.

    Parameters
    ----------
    heads : int
        Of attention; D is a multiple of them.
    hidden : int
        Features inside the feed-forward net.
    norm_first : bool
        Normalize what the two read, and leave the shortcuts alone; behind the last block belongs one more
        `LayerNorm`. False: normalize the sums, as in 2017.
    causal : bool
        Position t sees the first t + 1 alone: a block of a decoder-only model.
    activation : "relu", "gelu", "gelu_tanh" or "silu"
    p : float
        While training, numbers that attention and the feed-forward net add are set to 0 with this
        probability, and so are weights of attention.
    bias : bool
        Of the matrices of attention; those of the feed-forward net have one.
    init : str
        Initializer of all matrices.
    cache : int, optional
        Room of a causal block for keys and values, as `MultiHeadAttention` has it.

    ``block(x, lengths, mask)``: `lengths`, (N,) or (N, T), and `mask` are those of `MultiHeadAttention`.
    Padding behind lengths (N,) may hold anything.

    Examples
    --------
    >>> block = nn.TransformerEncoderBlock(4, 64, norm_first=True, activation="gelu")
    >>> block(np.zeros((2, 9, 16)), lengths=np.array([9, 5])).shape
    (2, 9, 16)
    """

    @by_name("nbdl finds the input size itself: nn.TransformerEncoderBlock(4, 512, norm_first=True)")
    def __init__(
        self, heads, hidden, *, norm_first=False, causal=False, activation="relu", p=0.0, bias=True,
        init="xavier_uniform", cache=None,
    ):  # fmt: skip
        where = "TransformerEncoderBlock"
        self.heads, self.hidden = positive(f"{where}: `heads`", heads), positive(f"{where}: `hidden`", hidden)
        self.norm_first, self.causal, self.bias = bool(norm_first), bool(causal), bool(bias)
        self.activation, self.p, self.init = _activation(where, activation), _probability(where, p), init
        self.cache = None if cache is None else positive(f"{where}: `cache`", cache)
        if cache is not None and not causal:
            raise OptionError("{}: `cache` needs causal=True: later tokens are not there", where)
        self.attention = MultiHeadAttention(
            heads, causal=self.causal, p=self.p, bias=self.bias, init=init, cache=cache
        )
        self.feed_forward = FeedForward(hidden, activation=activation, init=init)
        self.norm1, self.norm2 = LayerNorm(), LayerNorm()

    def __call__(self, x, lengths=None, mask=None, train=None):
        x = as_tensor(x)
        if x.ndim != 3:
            raise ShapeError("TransformerEncoderBlock: `x` must have shape (N, T, D), got {}", x.shape)
        if lengths is not None:
            lengths = as_tensor(lengths)
            x = without_padding(x, lengths) if lengths.ndim == 1 else x

        def attention(x):
            return self.attention(x, lengths=lengths, mask=mask, train=train)

        x = _added(x, attention, self.norm1, self.norm_first, self.p, train)
        return _added(
            x, lambda x: self.feed_forward(x, train=train), self.norm2, self.norm_first, self.p, train
        )


class TransformerDecoderBlock:
    """Causal self-attention, attention to an encoder, and a feed-forward net: x (N, T, D) to its shape.

    Each has its norm and shortcut. Arguments are those of `TransformerEncoderBlock`; `p` is of both
    attentions.

    ``block(x, keys, key_lengths, lengths, mask)``: keys (N, S, K), of which `key_lengths`, (N,) or (N, T),
    count; `lengths` are those of x, and `mask` is of the self-attention. Position t of x sees the first t + 1
    of x, and all keys that count. Padding behind lengths (N,) may hold anything.

    Examples
    --------
    >>> block = nn.TransformerDecoderBlock(4, 64)
    >>> block(np.zeros((2, 9, 16)), np.zeros((2, 7, 16)), key_lengths=np.array([7, 5])).shape
    (2, 9, 16)
    """

    @by_name("nbdl finds the input sizes itself: nn.TransformerDecoderBlock(4, 512, norm_first=True)")
    def __init__(
        self, heads, hidden, *, norm_first=False, activation="relu", p=0.0, bias=True, init="xavier_uniform"
    ):
        where = "TransformerDecoderBlock"
        self.heads, self.hidden = positive(f"{where}: `heads`", heads), positive(f"{where}: `hidden`", hidden)
        self.norm_first, self.bias = bool(norm_first), bool(bias)
        self.activation, self.p, self.init = _activation(where, activation), _probability(where, p), init
        options = {"p": self.p, "bias": self.bias, "init": init}
        self.attention = MultiHeadAttention(heads, causal=True, **options)
        self.cross_attention = MultiHeadAttention(heads, **options)
        self.feed_forward = FeedForward(hidden, activation=activation, init=init)
        self.norm1, self.norm2, self.norm3 = LayerNorm(), LayerNorm(), LayerNorm()

    def __call__(self, x, keys, key_lengths=None, lengths=None, mask=None, train=None):
        x, keys = as_tensor(x), as_tensor(keys)
        for name, given in (("x", x), ("keys", keys)):
            if given.ndim != 3 or given.shape[0] != x.shape[0]:
                text = "TransformerDecoderBlock: `{}` must have shape (N, T, D), N of `x`, got {}"
                raise ShapeError(text, name, given.shape)
        if lengths is not None:
            lengths = as_tensor(lengths)
            x = without_padding(x, lengths) if lengths.ndim == 1 else x
        for body, norm in (
            (lambda x: self.attention(x, lengths=lengths, mask=mask, train=train), self.norm1),
            (lambda x: self.cross_attention(x, keys, lengths=key_lengths, train=train), self.norm2),
            (lambda x: self.feed_forward(x, train=train), self.norm3),
        ):
            x = _added(x, body, norm, self.norm_first, self.p, train)
        return x


def _added(x, body, norm, norm_first, p, train):
    """x and what the body makes of it, added; the norm is of what the body reads, or of the sum."""
    if norm_first:
        return x + _dropped(body(norm(x)), p, train)
    return norm(x + _dropped(body(x), p, train))


def _dropped(x, p, train):
    return Dropout(p)(x, train=train) if p else x


def _activation(layer, name):
    if name not in ACTIVATIONS:
        raise OptionError("{}: `activation` must be one of {}, got {!r}", layer, ", ".join(ACTIVATIONS), name)
    return name
