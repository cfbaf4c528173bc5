"""Two neighbouring kernels in one pass over memory, where their twins can: an activation and a pooling."""

from dataclasses import replace

from nbdl.kernels.lanes import Unfit
from nbdl.step._trace import Node


def fuse(graph):
    """Put one node in the place of two where a pooling is the only user of an activation's result.

    What is computed and what is kept for the gradients stays the same.
    """
    nodes = []
    for node in graph.nodes:
        before = next((n for n in nodes if n.output is node.inputs[0]), None)
        alone = before and before.output is not graph.result and graph.users[before.output] == [node]
        twin = _together(before, node) if alone else None
        if twin is None:
            nodes.append(node)
            continue
        record = replace(
            node.record, name=f"{before.record.name} {node.record.name}", inputs=before.record.inputs
        )
        both = Node(record, before.inputs, node.constants, node.output, node.where, twin, node.site)
        (x,) = before.inputs
        graph.users[x] = [both if user is before else user for user in graph.users[x]]
        nodes[nodes.index(before)] = both
    graph.nodes = nodes


def _together(before, node):
    """The twin of two nodes in one pass, or None."""
    if not before.twin or not node.twin or not before.twin.each or not node.twin.after:
        return None
    twin = node.twin.after(*before.twin.each)
    try:
        twin.shape(node.site)
    except Unfit:
        return None
    return twin
