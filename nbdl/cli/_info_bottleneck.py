"""``nbdl info information_bottleneck``: codes of a column that keep what it tells about another."""

from nbdl.cli._output import emit, note, pairs, table
from nbdl.errors import UsageError

NAME = "information_bottleneck"


def bottleneck(asked, plot, file):
    """The curve of the counted table of two discrete columns, or the codes of the values of beta asked for.

    `asked` is the question for the mutual information of the two, with the options of this measure.
    """
    from nbdl import info
    from nbdl.train import _files

    refused = [name for name in ("estimator", "weights", "k", "trials", "permutations", "bootstrap", "lags")
               if asked.options.get(name) is not None]  # fmt: skip
    if refused:
        raise UsageError("`{}` takes no --{}", NAME, refused[0].replace("_", "-"))
    options = dict(asked.options["set"])
    betas = options.pop("betas", options.pop("beta", None))
    if options:
        raise UsageError("`{}` takes --set betas=[...], got --set {}", NAME, next(iter(options)))
    columns = asked.counting(asked.columns(), series=False)
    with asked.blamed(columns):
        joint = _counted(asked, columns)
        base = asked.options["base"] or "nats"
        curve = info.bottleneck_curve(joint, betas, base=base, normalize=True)
        if plot is not None:
            first, second = (c.name for c in columns.values())
            title = f"{file}\nX: {first}, Y: {second}, {int(joint.sum())} rows"
            _files.write_bytes(plot, info.bottleneck_picture(curve, joint, base=base, title=title))
            note(f"picture: {plot}")
    answer = {
        "measure": NAME, "unit": asked.unit or "nats", "rows": int(joint.sum()), "symbols": list(joint.shape),
        "columns": [c.name for c in columns.values()],
        "curve": [{"beta": b.beta, "x_z": b.x_z, "z_y": b.z_y, "converged": b.converged} for b in curve],
    }  # fmt: skip
    emit(answer, lambda: _report(answer))


def _counted(asked, columns):
    """How often each pair of symbols stands in a row, (X, Y)."""
    import numpy as np

    from nbdl.info import _samples
    from nbdl.info._counts import encode

    samples = {role: _samples.read(role, c.values, c.discrete) for role, c in columns.items()}
    for role, sample in samples.items():
        if sample.kind != "discrete":
            name = columns[role].name
            text = "`{}` ({}) is taken as measured numbers, a bottleneck is one of symbols. Try --discrete {}"
            raise UsageError(text, role, name, name)
    taken, _ = _samples.without_missing(list(samples.values()), None, asked.options["nan_policy"] or "raise")
    if taken is None:
        raise UsageError("--nan-policy propagate: the rows have missing values, and so has the table")
    x, y = (np.unique(encode(s.values)[0], return_inverse=True)[1] for s in taken)
    joint = np.zeros((x.max() + 1, y.max() + 1))
    np.add.at(joint, (x, y), 1.0)
    return joint


def _report(answer):
    unit = answer["unit"]
    head = [("rows", answer["rows"]), ("X", f"{answer['columns'][0]}: {answer['symbols'][0]} symbols")]
    head.append(("Y", f"{answer['columns'][1]}: {answer['symbols'][1]} symbols"))
    rows = [
        (
            f"{p['beta']:.4g}",
            f"{p['x_z']:.4f}",
            f"{p['z_y']:.4f}",
            "" if p["converged"] else "not settled",
        )
        for p in answer["curve"]
    ]
    return f"{pairs(head)}\n\n{table(['beta', f'I(X;Z), {unit}', f'I(Z;Y), {unit}', ''], rows)}"
