"""A measure of the same samples many times over: of some of their rows, or after rows of one have moved."""

import math

import numpy as np

from nbdl.errors import OptionError
from nbdl.info._counts import Joint, relabel
from nbdl.info._estimate import by_estimator, entropies, function_of, in_bounds, prepared, sizes_of
from nbdl.info._kinds import warn_of_few_rows
from nbdl.info._samples import read, said_of, same_length, without_missing
from nbdl.info._series import check_integer, problem
from nbdl.info._shuffle import Anywhere, Blocks, Near, Within

NEIGHBOURS = 5  # whose values a row may take, itself among them


class Repeated:
    """A measure of samples that are read, checked and without missing values, to be taken many times."""

    def __init__(self, measure, samples, estimator, nan_policy, options):
        if nan_policy not in ("raise", "omit"):
            raise OptionError('`nan_policy` must be "raise" or "omit", got {!r}', nan_policy)
        options = options | {"nan_policy": nan_policy}
        self.measure, named, estimator, options = problem(measure, samples, estimator, options)
        options = {name: value for name, value in options.items() if name != "nan_policy"}
        said = said_of(options.pop("discrete", None), list(named))
        samples = [read(name, x, d) for (name, x), d in zip(named.items(), said)]
        same_length(samples)
        samples, _ = without_missing(samples, None, nan_policy)
        self.rows = len(samples[0].values)
        self.record, self.samples, joint = prepared(self.measure, samples, estimator, options)
        self.given, self.options = options, dict(options)
        if self.record.data == "discrete":
            k = self.options.pop("k", None)
            self.entropy = function_of(self.record, "entropy", self.options)
            joint = joint or Joint([s.values for s in self.samples])
            if estimator is None:
                warn_of_few_rows(self.measure, self.samples, joint)
            self.sizes = sizes_of(k, [s.name for s in self.samples], joint)
            self.terms = entropies(self.measure, len(self.samples))
            groups = {(0,), *(part for _, g in self.terms for part in (g, g[1:]) if part)}
            self.codes = {group: _smallest(joint.codes(group)[0]) for group in groups}

    def value(self, rows):
        """The estimate from these rows alone, in nats."""
        if self.record.data == "discrete":
            h = {group: self._entropy_of(group, self.codes[group][rows]) for _, group in self.terms}
            value = sum(factor * h[group] for factor, group in self.terms)
            return in_bounds(self.measure, value, h) if self.record.name == "ml" else value
        taken = [s.taking(rows) for s in self.samples]
        return by_estimator(self.record, self.measure, taken, False, 1, self.options)

    def shuffled(self):
        """A function of an order: the estimate with the rows of the first sample in that order.

        Of discrete data, the entropies that the order does not change are computed once.
        """
        if self.record.data != "discrete":
            return self._shuffled_by_estimator() or self._reordered
        mine = self.codes[0,]
        moving = [(factor, group) for factor, group in self.terms if group[0] == 0 and group[1:]]
        fixed = [(factor, group) for factor, group in self.terms if (factor, group) not in moving]
        constant = sum(factor * self._entropy_of(group, self.codes[group]) for factor, group in fixed)

        def value(order):
            x = mine[order]
            return constant + sum(
                f * self._entropy_of(group, x, self.codes[group[1:]]) for f, group in moving
            )

        return value

    def _shuffled_by_estimator(self):
        """The same, by an estimator that has a way of its own to do it many times; else None."""
        name = f"shuffled_{self.measure}"
        if name not in self.record.measures or any(s.kind == "discrete" for s in self.samples):
            return None
        return function_of(self.record, name, self.options)(*(s.values for s in self.samples), **self.options)

    def _reordered(self, order):
        first, *others = self.samples
        return by_estimator(self.record, self.measure, [first.taking(order), *others], False, 1, self.options)

    def _entropy_of(self, group, *codes):
        """The entropy of a group of samples, given codes that stand for its rows together."""
        counts = Joint(codes).counts(tuple(range(len(codes))))
        return float(self.entropy(counts, k=math.prod(self.sizes[i] for i in group), **self.options))

    def shuffler(self, method, block, neighbours):
        """The random orders of `method`: a function of seed and number."""
        known = self.samples[2] if self.measure == "conditional_mutual_information" else None
        if method is None:
            method = "block" if block is not None else "global" if known is None else "local"
        if method not in ("global", "block", "local"):
            raise OptionError('`method` must be "global", "block" or "local", got {!r}', method)
        if block is not None and method != "block":
            raise OptionError('`block` is for method "block", got {!r}', method)
        near = method == "local" and known is not None and known.kind != "discrete"
        if neighbours is not None and not near:
            got = f'method "{method}"' if method != "local" or known is None else "a condition of symbols"
            raise OptionError('`neighbours` are for method "local" and a continuous condition, got {}', got)
        if method == "global":
            return Anywhere(self.rows)
        if method == "block":
            size = math.isqrt(self.rows) if block is None else block
            check_integer("`block`", size)
            return Blocks(self.rows, size)
        if known is None:
            raise OptionError(
                '`method` "local" is for measures with a condition, `{}` has none', self.measure
            )
        if known.kind == "discrete":
            return Within(known.values)
        neighbours = NEIGHBOURS if neighbours is None else neighbours
        check_integer("`neighbours`", neighbours)
        return Near(known.values, neighbours)


def _smallest(codes):
    """Codes 0, 1, ... without gaps, in the smallest integers that hold them: counting is faster."""
    codes, size = relabel(codes)
    return codes.astype(np.min_scalar_type(size))
