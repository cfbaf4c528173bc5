r"""Updates of parameters, in place: what an optimizer does with one gradient; one page for each.

w is a parameter, dw its gradient, v and m are state, all of one shape and dtype; everything is element by
element, except in lars and lamb, which look at norms of the whole w. Factors are computed in float64 and
rounded to that dtype once. The learning rate is :math:`\eta` (`lr`), `weight_decay` is :math:`\lambda`: adamw
shrinks w by itself (decoupled decay) and lamb likewise; in sgd that is the same thing; all others add
:math:`\lambda w` to the gradient (an L2 penalty :math:`\frac{\lambda}{2} w^2`). Means of gradients are
corrected for their start at 0 where a kernel takes `step`, and not where it does not.
Epsilon is `eps` where it stands outside a root and `eps_root` where inside: the two differ by orders of size.
w and the state must be writable and C-contiguous and must not overlap each other; dw is only read.

Every kernel raises `ShapeError`, `DtypeError` or `OptionError` before it writes, and returns None. Inside
``prange`` Numba drops exceptions: run one update before the loop. On a page the formula is a function of one
vector of elements, which the kernel and the leaf of its twin call.
"""
