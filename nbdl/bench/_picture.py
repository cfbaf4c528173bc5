"""The results as a picture: how much of its ceiling each row reaches."""

import io

END = 1.2  # fractions beyond are cut off there
OURS, PEERS = "#1f6fb4", ("#d98c3a", "#8f8f8f", "#5aa469")


def picture(document):
    """PNG bytes with a bar for each row and competitor; needs matplotlib.

    Parameters
    ----------
    document : dict
        What `nbdl.bench.run` returned.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, peers = document["rows"], document["settings"]["against"]
    height = 0.8 / (1 + len(peers))
    figure = Figure(
        figsize=(9, 1.6 + 0.17 * len(rows) * (1 + len(peers)) + 0.08 * len(rows)), layout="constrained"
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    longest = 1.0
    for place, (name, color) in enumerate(zip(["nbdl", *peers], [OURS, *PEERS])):
        bars = [(i, row if name == "nbdl" else _best(row, name)) for i, row in enumerate(rows)]
        bars = [(i + place * height, found["fraction"]) for i, found in bars if found]
        axes.barh([y for y, _ in bars], [min(x, END) for _, x in bars], height, label=name, color=color)
        longest = max([longest, *(x for _, x in bars)])
        for y, x in bars:
            if x > 1:  # less work was done than is counted, or the machine was not quiet: never a bar alone
                cut = " (cut off)" if x > END else ""
                axes.text(min(x, END) + 0.01, y, f"{x:.2f}{cut}", fontsize=7, va="center")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlim(0, 1.02 if longest == 1 else 1.2 * END)
    labels = [f"{row['name']}  {row['size']}" + "  (memory)" * (row["limit"] == "memory") for row in rows]
    axes.set_yticks([i + height * len(peers) / 2 for i in range(len(rows))], labels, fontsize=8)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_xlabel("fraction of the ceiling: FMA rate, or bandwidth where it says memory")
    figure.legend(frameon=False, loc="outside lower right", ncols=1 + len(peers))
    axes.set_title(_title(document), fontsize=10)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _best(row, peer):
    forms = row["peers"].get(peer)
    return forms[0] if forms else None


def _title(document):
    limits = [
        f"{limit['threads']} thread{'s' * (limit['threads'] > 1)}: {limit['fma'] / 1e9:.0f} GFLOP/s, "
        f"{limit['bandwidth'] / 1e9:.0f} GB/s"
        for limit in document["ceilings"]
    ]
    return f"{document['machine']['processor']}, float32; {'; '.join(limits)}"
