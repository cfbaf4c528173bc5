r"""Near points: the k-th nearest neighbour, how many points lie within a radius, how far neighbours reach.

Distances between points of D coordinates are

.. math:: \max_d |x_d - y_d| \qquad \text{or} \qquad \sqrt{\textstyle\sum_d (x_d - y_d)^2}

and "within" means strictly less, of the distances as they are computed: no tolerance stands between the
search for neighbours and the count of points that are nearer. Boxes give exact bounds on computed distances,
for rounding is monotone. How points are arranged, and how many threads ask, changes no result.

Questions to a `Tree` are asked by the points of a leaf together, one in each lane of a register. A search
begins at their own leaf and climbs: at each ancestor it descends into the other child, where no box is
entered that is too far for every lane. A candidate is one number for all lanes, so that its distances to all
of them, and its place among the k nearest of each, take a dozen instructions without a branch.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.info._threads import in_parallel
from nbdl.info._tree import WIDTH, Line
from nbdl.kernels.simd.registers import count, fma, larger, load, pointer, smaller, some, splat, store, where
from nbdl.kernels.simd.shuffle import lanes

CHUNK = 2048  # leaves that one call of a kernel asks for


def kth_distances(tree, k, *, queries=None, theiler=0, euclidean=False, threads=1):
    """Distance to the k-th nearest point.

    Parameters
    ----------
    tree : Tree
        The points among which neighbours are looked for.
    k : int
        At least as many points must be admissible.
    queries : Tree, optional
        The points that ask; without it those of `tree` do, and row j is no neighbour of row i for
        \\|i - j\\| <= `theiler`.
    euclidean : bool
        Which distance; the largest difference of a coordinate if not.

    Returns
    -------
    float64 (N,), by rows of the points that ask.
    """
    among_others = queries is not None
    queries = queries if among_others else tree
    out = np.empty(queries.sizes[1])
    window = -1.0 if among_others else float(theiler)
    _by_chunks(_kth, len(queries.blocks), threads, tree, queries, k, window, euclidean, out)
    return np.sqrt(out, out=out) if euclidean else out


def counts_within(points, radii, *, x=None, theiler=0, threads=1):
    """How many points are nearer to each than its radius, in the largest difference of a coordinate.

    Parameters
    ----------
    points : Line or Tree
    radii : float64 (N,)
        One for each row; infinite ones count all.
    x : float64 (N, D), needed if theiler > 0
        The rows of which `points` is made.
    theiler : int
        Row j is not counted for row i where \\|i - j\\| <= `theiler`: with 0, only the point itself.

    Returns
    -------
    int64 (N,)
    """
    counts = np.empty(len(radii), np.int64)
    if isinstance(points, Line):
        _by_chunks(_count_on_line, -(-len(radii) // WIDTH), threads, points, radii, counts)
    else:
        _by_chunks(_count, len(points.blocks), threads, points, radii, counts)
    if theiler:
        _take_away(x, radii, theiler, counts)
    return counts


def reaches(tree, radii, ends, *, theiler=0, threads=1):
    """How far the points within the closed ball of each reach, along groups of coordinates.

    Parameters
    ----------
    tree : Tree
    radii : float64 (N,)
        One for each row, in the largest difference of a coordinate.
    ends : sequence of int
        Group g is the coordinates from the end of group g - 1 to ``ends[g]``.

    Returns
    -------
    float64 (len(ends), N): the largest difference of a coordinate of the group.
    """
    out = np.empty((len(ends), len(radii)))
    ends = np.array(ends, np.int64)
    _by_chunks(_reach, len(tree.blocks), threads, tree, radii, ends, float(theiler), out)
    return out


def _by_chunks(kernel, leaves, threads, *args):
    """Call ``kernel(*args, first, last)`` on stretches of leaves, the same for any number of threads."""
    in_parallel(
        lambda first: kernel(*args, first, min(first + CHUNK, leaves)), range(0, leaves, CHUNK), threads
    )


@jit(strict=True, inline=True)
def _distance(q, p, dims, euclidean):
    """Distances, if Euclidean their squares, of the points in the lanes of q from the point p."""
    if euclidean:
        v = load(q, 0) - p[0]
        far = v * v
        for d in range(WIDTH, dims * WIDTH, WIDTH):
            v = load(q, d) - p[d]
            far = fma(v, v, far)
    else:
        far = abs(load(q, 0) - p[0])
        for d in range(WIDTH, dims * WIDTH, WIDTH):
            far = larger(abs(load(q, d) - p[d]), far)
    return far


@jit(strict=True, inline=True)
def _gap(q, box, dims, euclidean):
    """Distances, if Euclidean their squares, of the points in the lanes of q from a box; NaN for no point."""
    gap = zero = load(q, 0) * 0.0
    for d in range(dims):
        v = load(q, d * WIDTH)
        if euclidean:
            side = larger(v - box[dims + d], larger(box[d] - v, zero))
            gap = fma(side, side, gap)
        else:
            gap = larger(v - box[dims + d], larger(box[d] - v, gap))
    return gap


@jit(strict=True, inline=True)
def _span(q, box, dims):
    """Distances of the points in the lanes of q from the farthest corner of a box."""
    far = load(q, 0) * 0.0
    for d in range(dims):
        v = load(q, d * WIDTH)
        far = larger(larger(v - box[d], box[dims + d] - v), far)
    return far


@jit(strict=True, inline=True)
def _after(i, top, turn):
    """The node that follows a finished one below `top`; 0 if none does.

    Of two children the one whose number is odd (`turn` = 1) or even (0) comes first.
    """
    while i != top and (i & 1) != turn:
        i >>= 1
    return 0 if i == top else i ^ 1


@jit(strict=True)
def _kth(tree, queries, k, window, euclidean, out, first, last):
    blocks, boxes, sizes = tree
    leaves, dims = len(blocks), boxes.shape[2]
    p, corners, L = pointer(blocks), pointer(boxes), lanes(pointer(blocks))
    block = (dims + 1) * WIDTH
    nearest = np.empty(k * L)  # vector i holds the distances of the neighbours i + 1
    best, last_best = pointer(nearest), (k - 1) * L
    for j in range(first, last):
        home = leaves + j if window >= 0 else _home(pointer(queries.blocks) + j * block, boxes, leaves)
        for lane in range(0, WIDTH, L):
            q = pointer(queries.blocks) + (j * block + lane)
            for i in range(0, k * L, L):
                store(best, i, splat(np.inf))
            _insert(
                p + (home - leaves) * block, sizes[home], q, dims, k, best, window, window >= 0, euclidean
            )
            node = home
            while node > 1:
                top, turn = node ^ 1, node & 1 ^ 1  # first the child beside which the search has been
                i = top
                while i:
                    near = _gap(q, corners + i * 2 * dims, dims, euclidean) < load(best, last_best)
                    if some(near):
                        if i < leaves:
                            i = 2 * i + turn
                            continue
                        _insert(
                            p + (i - leaves) * block,
                            sizes[i],
                            q,
                            dims,
                            k,
                            best,
                            window,
                            window > 0,
                            euclidean,
                        )
                    i = _after(i, top, turn)
                node >>= 1
            for c in range(L):
                row = q[dims * WIDTH + c]
                if row >= 0:
                    out[int(row)] = nearest[last_best + c]


@jit(strict=True)
def _home(q, boxes, leaves):
    """A leaf near the point q: where the search of points that are in no leaf of the tree begins."""
    dims = boxes.shape[2]
    i = 1
    while i < leaves:
        nearer, least = 0, np.inf
        for child in range(2 * i, 2 * i + 2):
            gap = 0.0
            for d in range(dims):
                v = q[d * WIDTH]
                gap = max(gap, boxes[child, 0, d] - v, v - boxes[child, 1, d])
            if gap < least:
                nearer, least = child, gap
        i = nearer
    return i


@jit(strict=True, inline=True)
def _insert(p, size, q, dims, k, best, window, exclude, euclidean):
    """Take the points of a leaf in among the k nearest of each lane, a sorted list of vectors."""
    L = lanes(q)
    if k <= 4:  # four of them stay in registers
        a, b = load(best, 0), load(best, min(1, k - 1) * L)
        c, d = load(best, min(2, k - 1) * L), load(best, min(3, k - 1) * L)
        for i in range(size):
            v = _distance(q, p + i, dims, euclidean)
            if exclude:
                v = where(abs(load(q, dims * WIDTH) - p[dims * WIDTH + i]) <= window, np.inf, v)
            d = smaller(larger(v, c), d)
            c = smaller(larger(v, b), c)
            b = smaller(larger(v, a), b)
            a = smaller(v, a)
        store(best, 0, a)
        if k > 1:
            store(best, L, b)
        if k > 2:
            store(best, 2 * L, c)
        if k > 3:
            store(best, 3 * L, d)
    else:
        for i in range(size):
            v = _distance(q, p + i, dims, euclidean)
            if exclude:
                v = where(abs(load(q, dims * WIDTH) - p[dims * WIDTH + i]) <= window, np.inf, v)
            if some(v < load(best, (k - 1) * L)):
                for n in range(0, k * L, L):
                    s = load(best, n)
                    store(best, n, smaller(v, s))
                    v = larger(v, s)


@jit(strict=True)
def _count(tree, radii, counts, first, last):
    blocks, boxes, sizes = tree
    leaves, dims = len(blocks), boxes.shape[2]
    p, corners, L = pointer(blocks), pointer(boxes), lanes(pointer(blocks))
    block = (dims + 1) * WIDTH
    numbers = np.empty(L)
    for j in range(first, last):
        for lane in range(0, WIDTH, L):
            q = p + (j * block + lane)
            radius = _radii_of(q, dims, radii, numbers)
            node = leaves + j
            total = _add_near(p + j * block, sizes[node], q, dims, radius, splat(0.0))
            while node > 1:
                i = top = node ^ 1
                while i:
                    gap = _gap(q, corners + i * 2 * dims, dims, False)
                    if some(gap < radius):
                        span = _span(q, corners + i * 2 * dims, dims)
                        if some((gap < radius) & (span >= radius)):
                            if i < leaves:
                                i = 2 * i
                                continue
                            total = _add_near(p + (i - leaves) * block, sizes[i], q, dims, radius, total)
                        else:  # the box is within the radius of every lane that it is near to
                            total = where(span < radius, total + float(sizes[i]), total)
                    i = _after(i, top, 0)
                node >>= 1
            store(pointer(numbers), 0, total)
            for c in range(L):
                row = q[dims * WIDTH + c]
                if row >= 0:
                    counts[int(row)] = int(numbers[c]) - (radii[int(row)] > 0)  # not the point itself


@jit(strict=True, inline=True)
def _radii_of(q, dims, radii, numbers):
    """The radii of the points in the lanes of q."""
    for c in range(numbers.size):
        row = q[dims * WIDTH + c]
        numbers[c] = radii[int(row)] if row >= 0 else 0.0
    return load(pointer(numbers), 0)


@jit(strict=True, inline=True)
def _add_near(p, size, q, dims, radius, total):
    for i in range(size):
        total = where(_distance(q, p + i, dims, False) < radius, total + 1.0, total)
    return total


@jit(strict=True)
def _reach(tree, radii, ends, window, out, first, last):
    blocks, boxes, sizes = tree
    leaves, dims = len(blocks), boxes.shape[2]
    p, corners, L = pointer(blocks), pointer(boxes), lanes(pointer(blocks))
    block = (dims + 1) * WIDTH
    numbers, farthest = np.empty(L), np.empty(ends.size * L)
    for j in range(first, last):
        for lane in range(0, WIDTH, L):
            q = p + (j * block + lane)
            radius = _radii_of(q, dims, radii, numbers)
            for g in range(0, ends.size * L, L):
                store(pointer(farthest), g, splat(0.0))
            node = leaves + j
            _widen(p + j * block, sizes[node], q, dims, radius, ends, window, farthest)
            while node > 1:
                i = top = node ^ 1
                while i:
                    if some(_gap(q, corners + i * 2 * dims, dims, False) <= radius):
                        if i < leaves:
                            i = 2 * i
                            continue
                        _widen(p + (i - leaves) * block, sizes[i], q, dims, radius, ends, window, farthest)
                    i = _after(i, top, 0)
                node >>= 1
            for c in range(L):
                row = q[dims * WIDTH + c]
                if row >= 0:
                    for g in range(ends.size):
                        out[g, int(row)] = farthest[g * L + c]


@jit(strict=True, inline=True)
def _widen(p, size, q, dims, radius, ends, window, farthest):
    """Raise the reaches to those of the points of a leaf that lie in the balls."""
    L = lanes(q)
    for i in range(size):
        inside = _distance(q, p + i, dims, False) <= radius
        inside = inside & (abs(load(q, dims * WIDTH) - p[dims * WIDTH + i]) > window)
        if some(inside):
            d = 0
            for g in range(ends.size):
                reach = load(pointer(farthest), g * L)
                while d < ends[g]:
                    v = abs(load(q, d * WIDTH) - p[d * WIDTH + i])
                    reach = where(inside, larger(v, reach), reach)
                    d += 1
                store(pointer(farthest), g * L, reach)


@jit(strict=True)
def _count_on_line(line, radii, counts, first, last):
    levels, starts, order = line
    p, L = pointer(levels), lanes(pointer(levels))
    bottom = starts.size - 1
    for i in range(first * WIDTH, min(last * WIDTH, order.size)):
        value, radius = p[starts[bottom] + i], radii[order[i]]
        # on each level, the vector in which the points within begin, and the one in which they end
        below = within = 0
        for level in range(bottom):
            at = p + starts[level]
            below = below * L + max(count(value - load(at, below * L) >= radius) - 1, 0)
            within = within * L + max(count(load(at, within * L) - value < radius) - 1, 0)
        at = p + starts[bottom]
        below = below * L + count(value - load(at, below * L) >= radius)
        within = within * L + count(load(at, within * L) - value < radius)
        counts[order[i]] = within - below - 1 if radius > 0 else 0


@jit(strict=True)
def _take_away(x, radii, theiler, counts):
    """Do not count the rows near in time, other than the row itself."""
    n, dims = x.shape
    for i in range(n):
        for j in range(max(0, i - theiler), min(n, i + theiler + 1)):
            distance = 0.0
            for d in range(dims):
                distance = max(distance, abs(x[i, d] - x[j, d]))
            counts[i] -= j != i and distance < radii[i]
