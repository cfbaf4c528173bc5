"""The embedding layer: its table, its gradient, and what it is not given."""

import numpy as np
import pytest

import nbdl
from nbdl import nn, registry, tensor
from nbdl.errors import DataError, DtypeError, LabelError, OptionError, ShapeError, UsageError
from nbdl.testing import gradcheck

IDS = np.array([[3, 0, 3], [1, 1, 3]])


def test_rows_of_the_table():
    layer = nn.Embedding(50, 4)
    assert layer(IDS).shape == (2, 3, 4)  # the first call fills the table
    assert list(nn.named_parameters(layer)) == ["w"] and layer.w.shape == (50, 4)
    assert 0.005 < np.std(layer.w.data) < 0.02  # the deviation of `normal` is 0.01
    np.testing.assert_array_equal(layer(IDS).data, layer.w.data[IDS])
    np.testing.assert_array_equal(layer(IDS[:, 0].astype(np.uint8)).data, layer.w.data[IDS[:, 0]])


def test_the_gradient_counts_every_place():
    layer = nn.Embedding(5, 2, init="ones")
    layer(IDS).sum().backward()
    np.testing.assert_array_equal(layer.w.grad, np.array([1, 2, 0, 3, 0])[:, None] * np.ones((5, 2)))


def test_in_a_net_with_cross_entropy_over_positions():
    """A bigram model on the tape: what follows each id is learned, from (N, T) ids and (N, T) labels."""
    ids = np.random.default_rng(0).integers(0, 5, (16, 7))
    labels, net = (ids + 2) % 5, nn.Sequential(nn.Embedding(5, 8, init="xavier_uniform"), nn.Linear(5))
    net(ids)
    rng = np.random.default_rng(1)
    for p in nn.parameters(net):
        p.assign(0.5 * rng.standard_normal(p.shape).astype("float32"))
    for _ in range(60):
        loss = nn.softmax_cross_entropy(net(ids), labels)
        loss.backward()
        for p in nn.parameters(net):
            p[...] = p.data - 1.0 * p.grad
            p.grad = None
    assert net(ids).shape == (16, 7, 5) and loss.item() < 0.1
    assert (net(np.arange(5)).data.argmax(axis=1) == (np.arange(5) + 2) % 5).all()


def test_what_are_no_ids():
    layer = nn.Embedding(5, 2)
    for ids in (IDS * 1.0, tensor(IDS * 1.0), IDS > 1):
        with pytest.raises(
            DtypeError, match=r"Embedding: `ids` must be integers, from 0 to 4, got (float|bool)"
        ):
            layer(ids)
    with pytest.raises(ShapeError, match=r"Embedding: `ids` must have at least 1 dimension"):
        layer(np.array(1))
    with pytest.raises(
        LabelError, match=r"embedding: `ids` must be from 0 to 4, got 5 at flat position 1 of"
    ):
        layer(IDS + np.array([0, 5, 0]))


@pytest.mark.parametrize("sizes", [(0, 2), (2, 0), (-1, 2), (2.5, 2)])
def test_sizes_are_positive_integers(sizes):
    with pytest.raises(OptionError, match=r"Embedding: `(vocabulary|features)`"):
        nn.Embedding(*sizes)


def test_the_places_of_other_libraries():
    with pytest.raises(UsageError, match=r"nn\.Embedding\(1000, 32\)"):
        nn.Embedding(5, 2, 0)  # torch's padding_idx


def test_it_is_registered_and_has_a_config():
    assert "Embedding" in registry.default().names("layer")
    net = nn.Sequential(nn.Embedding(5, 2), nn.Linear(3))
    assert nn.config(nn.build(nn.config(net))) == nn.config(net)


def tied(*layers, bias=True):
    embedding = nn.Embedding(5, 2)
    return nn.Sequential(embedding, *layers, nn.Linear(5, weight=embedding.w, bias=bias))


def test_its_table_is_the_matrix_of_the_output_layer():
    """One array; its gradient is the sum of both uses (Press & Wolf 2017)."""
    net, ids = nn.init(tied(), np.array([[1, 4]])), np.array([[1, 4], [0, 1], [2, 2]])
    assert list(nn.named_parameters(net)) == ["0.w", "1.b"]
    w = net[0].w.data
    np.testing.assert_allclose(net(ids).data, w[ids] @ w.T, rtol=1e-6)
    assert gradcheck(
        lambda w: nbdl.apply("linear_transposed", nbdl.apply("embedding", ids, w), w), w.astype(float)
    )
    net(ids).sum().backward()
    uses = np.zeros((5, 2)) + w[ids].sum(axis=(0, 1))
    np.add.at(uses, ids, w.sum(axis=0))
    np.testing.assert_allclose(net[0].w.grad, uses, rtol=1e-5)


def test_a_tied_net_is_saved_once_and_loaded_into_another(tmp_path):
    net, other = (nn.init(tied(bias=False), np.array([[1]]), seed=s) for s in (0, 1))
    nbdl.save(net, tmp_path / "net")
    with pytest.raises(DataError, match="`weight` is a parameter of another layer") as caught:
        nbdl.load(tmp_path / "net")
    assert "into=net" in str(caught.value.__notes__)
    assert nbdl.load(tmp_path / "net", into=other) is other
    assert list(nn.state_dict(other)) == ["0.w"] and other[0].w is other[1].w
    np.testing.assert_array_equal(other[0].w.data, net[0].w.data)
    assert "weight=<Parameter>" in repr(net)


def test_what_is_no_matrix_to_share():
    with pytest.raises(
        UsageError, match=r"Linear: `weight` must be the parameter of another layer.* got Embedding"
    ):
        nn.Linear(5, weight=nn.Embedding(5, 2))
    with pytest.raises(UsageError, match=r"`init` is for a matrix of its own, .* got init='ones' too"):
        nn.Linear(5, weight=nn.Embedding(5, 2).w, init="ones")
    with pytest.raises(
        ShapeError, match=r"`weight` must be \(out_features, D\), here \(5, 3\), got shape \(5, 2\)"
    ):
        tied(nn.Linear(3))(np.array([[1]]))
