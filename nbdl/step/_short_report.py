"""A report in short: one row for each operation of the net, forward, backward and update together."""

from nbdl.step._report import _aligned, _scaled, _shape, _time

MOST = 40  # rows; of more the least are summed up
BALANCE = 5  # FLOPs that take as long as a byte, roughly: of what is not measured


def short(report):
    """The text of a `Report` with one row for each operation of the net.

    Operations that are alike, of the same name on the same shapes, are one row too. In the order of the
    program, or the slowest first where it was measured. Of many the least are summed up as "others".
    """
    groups = _groups(report.lines)
    timed = bool(report.seconds)
    by_cost = sorted(groups, key=lambda key: -_cost(groups[key], timed))
    most = by_cost[:MOST]
    table = [["op", "times", "layers", "shapes", "on", "rows", "bytes", "FLOPs"]]
    table[0] += ["time", "share"] if timed else []
    for key in most if timed else (key for key in groups if key in most):
        op, shapes, target = key
        times = len({line.work[0].node for line in groups[key]})
        layers = list(dict.fromkeys(line.layer for line in groups[key] if line.layer)) if shapes else []
        shown = " ".join(layers if len(layers) < 3 else [layers[0], "to", layers[-1]])
        counted = f"{times} x" if times > 1 else ""
        table.append([op, counted, shown, shapes, target, *_sums(groups[key], report)])
    others = [line for key in by_cost[MOST:] for line in groups[key]]
    for name, lines in (("others", others), ("total", report.lines)):
        if lines:
            table.append([name, "", "", "", "", *_sums(lines, report)])
    return "\n".join([*_aligned(table, right={1, 5, 6, 7, 8, 9}), "", *report.summary()])


def _groups(lines):
    """The lines by operation, shapes and what runs it, in the order of the program behind its labels."""
    found = {}
    for line in sorted(lines, key=lambda line: line.phase == "labels"):
        node = line.work[0].node
        op, shapes = line.op.split()[0], ""
        if node is not None:
            op, shapes = node.record.name, f"{_shape(node.inputs[0].shape)} -> {_shape(node.output.shape)}"
        found.setdefault((op, shapes, line.target), []).append(line)
    return found


def _cost(lines, timed):
    return _sum(lines, "seconds") if timed else _sum(lines, "bytes") + _sum(lines, "flops") / BALANCE


def _sums(lines, report):
    """The last cells of a row."""
    cells = [str(len(lines)), _scaled(_sum(lines, "bytes"), "B"), _scaled(_sum(lines, "flops"))]
    if not report.seconds:
        return cells
    seconds, all_ = _sum(lines, "seconds"), _sum(report.lines, "seconds")
    return [*cells, _time(seconds) if seconds else "0 us", f"{seconds / all_:.0%}" if all_ else ""]


def _sum(lines, name):
    return sum(getattr(line, name) or 0 for line in lines)
