"""Layers of attention, and the positions that it cannot see by itself."""

import numpy as np

from nbdl.array_functions import where
from nbdl.errors import DtypeError, OptionError, ShapeError, UsageError
from nbdl.kernels.attention.positional_encoding import positional_encoding
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Buffer, Parameter, carried, cast, inside
from nbdl.nn._train import training
from nbdl.tape import apply, as_tensor


class MultiHeadAttention:
    """Attention of several heads: queries x (N, T, D) to (N, T, features).

    Queries, keys and values are products of the inputs with wq, wk and wv; each head takes its share of
    their features to `nbdl.kernels.scaled_dot_product_attention`, and what the heads find goes through wo.
    Vaswani et al. 2017, Attention Is All You Need, section 3.2.2; Zhang et al., Dive into Deep Learning,
    section 11.5.

    Parameters
    ----------
    heads : int
    features : int, optional
        Of the result, a multiple of `heads`; None: as many as the queries have.
    groups : int, optional
        Heads of keys and values, a divisor of `heads`; None: `heads`.
    causal : bool
        Query t attends the first t + 1 keys.
    p : float
        Weights are set to 0 with this probability while training.
    bias : bool
    init : str
        Initializer of wq, wk, wv and wo: inputs by outputs. The biases bq, bk, bv and bo start at zero.
    cache : int, optional
        Room for the keys and values of so many tokens, for causal self-attention: in a prediction that
        carries a state (``nbdl.jit_predict(net, x, state=True)``, `nbdl.generate`) x are the tokens behind
        those that were read, and attend these too.

    ``layer(x)`` is self-attention, ``layer(x, keys)`` takes keys and values from another sequence
    (N, S, ...), ``layer(x, keys, values)`` from two. `lengths`, (N,) or (N, T), says how many keys count:
    padding behind lengths (N,) may hold anything. `mask` is one of
    `nbdl.kernels.scaled_dot_product_attention`, (N, 1, T, S) for each sample.
    """

    @by_name("nbdl finds the input size itself: nn.MultiHeadAttention(4), nn.MultiHeadAttention(4, p=0.1)")
    def __init__(
        self, heads, *, features=None, groups=None, causal=False, p=0.0, bias=True, init="xavier_uniform",
        cache=None,
    ):  # fmt: skip
        self.heads = positive("MultiHeadAttention: `heads`", heads)
        self.features = None if features is None else positive("MultiHeadAttention: `features`", features)
        self.groups = heads if groups is None else positive("MultiHeadAttention: `groups`", groups)
        if self.heads % self.groups:
            raise OptionError(
                "MultiHeadAttention: `groups` must divide `heads`, got {} and {}", groups, heads
            )
        if self.features is not None:
            self._size(self.features)
        self.causal, self.bias, self.init = bool(causal), bool(bias), init
        self.p = _probability("MultiHeadAttention", p)
        self.wq, self.wk, self.wv, self.wo = (Parameter(init) for _ in range(4))
        self.bq, self.bk, self.bv, self.bo = (Parameter("zeros") if bias else None for _ in range(4))
        self.cache = None if cache is None else positive("MultiHeadAttention: `cache`", cache)
        if cache is not None:
            if not causal:
                raise OptionError("MultiHeadAttention: `cache` needs causal=True: later tokens are not there")
            self.keys, self.values, self.seen = (Buffer(per_sample=True) for _ in range(3))

    def __call__(self, x, keys=None, values=None, lengths=None, mask=None, train=None):
        x, keys, values, lengths = _checked("MultiHeadAttention", x, keys, values, lengths)
        features = x.shape[2] if self.features is None else self.features
        size = self._size(features)
        inside = size * self.groups
        q = self._heads(x, self.wq, self.bq, features, self.heads)
        k = self._heads(keys, self.wk, self.bk, inside, self.groups)
        v = self._heads(values, self.wv, self.bv, inside, self.groups)
        if self.cache and carried(train):
            if keys is not x or mask is not None or lengths is not None:
                raise UsageError("MultiHeadAttention: with a `cache` there is `x` alone, no keys, no mask")
            y = self._read(q, k, v)
        else:
            options = {"causal": self.causal, **_dropped(self, train)}
            y = apply("scaled_dot_product_attention", q, k, v, mask, lengths, **options)
        y = y if x.shape[1] == 1 else y.transpose(0, 2, 1, 3)
        y = y.reshape(*x.shape[:2], features)
        return _linear(y, self.wo, self.bo, features)

    def _read(self, q, k, v):
        """Attention of the tokens that follow those in the cache, where they are put too."""
        (_, _, T, size), options = q.shape, {"like": q, "train": None, "dtype": q.dtype}
        seen, rows = self.seen.rows((1,), **options), (self.groups, self.cache, size)
        places = apply("next_places", seen, count=T, room=self.cache)
        k = apply("cache_rows", self.keys.rows(rows, **options), k, places)
        v = apply("cache_rows", self.values.rows(rows, **options), v, places)
        for buffer, value in ((self.keys, k), (self.values, v), (self.seen, seen + np.float32(T))):
            buffer.keep(value, train=None)
        return apply("scaled_dot_product_attention", q, k, v, None, places + 1)

    def _size(self, features):
        """Features of a head."""
        if features % self.heads:
            raise ShapeError(
                "MultiHeadAttention: `features` must be a multiple of `heads`, got {} features for {} heads",
                features, self.heads,
            )  # fmt: skip
        return features // self.heads

    def _heads(self, x, w, b, features, heads):
        """x (N, T, D) times w, as (N, heads, T, features / heads)."""
        (N, T, _), y, size = x.shape, _linear(x, w, b, features), features // heads
        if T == 1:
            return y.reshape(N, heads, 1, size)
        return y.reshape(N, T, heads, size).transpose(0, 2, 1, 3)


def room(net):
    """How many tokens a net can read with its caches, the least of them; None if it has none."""
    found, seen, todo = [], set(), [net]
    while todo:
        thing = todo.pop()
        if id(thing) not in seen:
            seen.add(id(thing))
            if isinstance(thing, MultiHeadAttention) and thing.cache:
                found.append(thing.cache)
            todo += [item for _, item in inside(thing)]
    return min(found, default=None)


class AdditiveAttention:
    """Attention scored by a small net: x (N, T, D) and keys (N, S, ...) to means of the values, (N, T, V).

    The score of a key is ``wv^T tanh(wq^T x + wk^T key)``, of two that need not be of one size. Bahdanau et
    al. 2015; Zhang et al., Dive into Deep Learning, section 11.3.4.

    Parameters
    ----------
    units : int
        Rows of wv; wq and wk have as many columns. There is no bias.
    p : float
        Weights are set to 0 with this probability while training.
    init : str

    ``layer(x, keys, values, lengths, mask)``: values are the keys if they are left out; `lengths`, (N,) or
    (N, T), says how many keys count, `mask` (N, T, S) of bool which. All T S units are kept for the gradient.
    """

    @by_name("nbdl finds the input sizes itself: nn.AdditiveAttention(8), nn.AdditiveAttention(8, p=0.1)")
    def __init__(self, units, *, p=0.0, init="xavier_uniform"):
        self.units, self.init = positive("AdditiveAttention: `units`", units), init
        self.p = _probability("AdditiveAttention", p)
        self.wq, self.wk, self.wv = (Parameter(init) for _ in range(3))

    def __call__(self, x, keys, values=None, lengths=None, mask=None, train=None):
        x, keys, values, lengths = _checked("AdditiveAttention", x, keys, values, lengths)
        (N, T, _), S, units = x.shape, keys.shape[1], self.units
        q = _linear(x, self.wq, None, units).reshape(N, T, 1, units)
        k = _linear(keys, self.wk, None, units).reshape(N, 1, S, units)
        scores = _linear(apply("tanh", q + k), self.wv, None, 1).reshape(N, T, S)
        weights, options = apply("masked_softmax", scores, mask, lengths), _dropped(self, train)
        if options:
            weights = apply("dropout", weights, **options)
        return apply("bmm", weights, cast(values, self.wv))


class BilinearAttention:
    """Attention scored by ``x^T w key``, of two that need not be of one size.

    Arguments, options and shapes are those of `AdditiveAttention`; w has one row for each feature of x and
    one column for each of a key. `mask` may also be added to the scores. Luong et al. 2015 ("general").
    """

    @by_name("nbdl finds the input sizes itself: nn.BilinearAttention(), nn.BilinearAttention(p=0.1)")
    def __init__(self, *, p=0.0, init="xavier_uniform"):
        self.p, self.init, self.w = _probability("BilinearAttention", p), init, Parameter(init)

    def __call__(self, x, keys, values=None, lengths=None, mask=None, train=None):
        x, keys, values, lengths = _checked("BilinearAttention", x, keys, values, lengths)
        q = _linear(x, self.w, None, keys.shape[2])
        q, k, v = (a.reshape(a.shape[0], 1, *a.shape[1:]) for a in (q, cast(keys, q), cast(values, q)))
        if mask is not None:
            mask = as_tensor(mask)
            mask = mask.reshape(mask.shape[0], 1, *mask.shape[1:]) if mask.ndim == 3 else mask
        options = _dropped(self, train)
        y = apply("scaled_dot_product_attention", q, k, v, mask, lengths, scale=1.0, **options)
        return y.reshape(y.shape[0], *y.shape[2:])


class PositionalEncoding:
    """x (N, T, D) plus the code of each position, sines and cosines; then dropout, if `p` is above 0.

    See `nbdl.kernels.positional_encoding`.
    """

    def __init__(self, p=0.0):
        self.p = _probability("PositionalEncoding", p)

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if x.ndim != 3:
            raise ShapeError("PositionalEncoding: `x` must have shape (N, T, D), got {}", x.shape)
        y = x + positional_encoding(x.shape[1], x.shape[2]).astype(x.dtype)
        options = _dropped(self, train)
        return apply("dropout", y, **options) if options else y


def _probability(layer, p):
    if not 0 <= p <= 1:
        raise OptionError("{}: `p` must be from 0 to 1, got {}", layer, p)
    return float(p)


def _dropped(layer, train):
    """What a kernel that drops numbers is given: nothing, unless the layer is called for training."""
    if train is None or layer.p == 0:
        return {}
    train = training(layer, train)
    return {"p": layer.p, "seed": train.seed, "op": train.next_op(), "step": train.step}


def _checked(layer, x, keys, values, lengths):
    """The arguments as tensors; keys and values are x, or keys, where they are left out."""
    x = as_tensor(x)
    keys = x if keys is None else as_tensor(keys)
    values = keys if values is None else as_tensor(values)
    for name, given in (("x", x), ("keys", keys), ("values", values)):
        if given.ndim != 3 or given.shape[0] != x.shape[0]:
            raise ShapeError(
                "{}: `{}` must have shape (N, T, D), with N of `x`, got {}; `x` is {}",
                layer, name, given.shape, x.shape,
            )  # fmt: skip
    if lengths is not None:
        lengths = as_tensor(lengths)
        if lengths.dtype.kind not in "iu":
            raise DtypeError("{}: `lengths` must be integers, got {}", layer, lengths.dtype)
        if lengths.shape not in (x.shape[:1], x.shape[:2]):
            text = "{}: `lengths` must have shape {} or {}, got {}"
            raise ShapeError(text, layer, x.shape[:1], x.shape[:2], lengths.shape)
        if lengths.ndim == 1 and lengths.shape == x.shape[:1]:
            same, keys = values is keys, _without_padding(keys, lengths)
            values = keys if same else _without_padding(values, lengths)
    return x, keys, values, lengths


def _without_padding(x, lengths):
    """x (N, S, D) with zeros behind the lengths: the gradient of a matrix is made of all rows."""
    inside = lengths.reshape(-1, 1) > np.arange(x.shape[1])
    return where(inside.reshape(*x.shape[:2], 1), x, 0.0)


def _linear(x, w, b, features):
    if not w.ready:
        w.fill((x.shape[-1], features), x.shape[-1], features)
    if b is not None and not b.ready:
        b.fill((features,))
    return apply("linear", cast(x, w), w, b)
