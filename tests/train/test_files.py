import errno
import os

import numpy as np
import pytest

import nbdl
from nbdl import load, nn, save
from nbdl.errors import DataError, DtypeError, NbdlError, SaveError, UsageError
from nbdl.train import _files

RNG = np.random.default_rng(0)
X = np.random.default_rng(0).normal(size=(2, 6))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


@pytest.fixture
def net():
    return nn.init(nn.Sequential(nn.Linear(4), nn.Tanh(), nn.Linear(2)), X)


def test_a_net_comes_back_bit_by_bit(net, path):
    save(net, path)
    assert (load(path)(X).data == net(X).data).all()
    other = nn.init(nn.build(nn.config(net)), X, seed=5)
    assert load(path, into=other) is other
    assert (other(X).data == net(X).data).all()


def test_equal_nets_are_equal_files(net, path, tmp_path):
    save(net, path)
    save(load(path), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_arrays_of_any_layout_keep_their_values(path):
    a = np.arange(24.0).reshape(4, 6)
    arrays = {"f": np.asfortranarray(a), "t": a.T, "s": a[::2, ::-1], "empty": a[:0], "scalar": np.array(3.5)}
    _files.write(path, arrays, {"n": 1})
    back, document = _files.read(path)
    assert document == {"n": 1}
    assert all(np.array_equal(back[k], v) and back[k].shape == v.shape for k, v in arrays.items())


def test_weights_alone_need_a_net(path):
    class Mine:
        def __init__(self):
            self.layer = nn.Linear(3)

        def __call__(self, x, train=None):
            return self.layer(x)

    mine = nn.init(Mine(), X)
    save(mine, path)
    with pytest.raises(DataError, match=r"weights alone .*into=net"):
        load(path)
    assert (load(path, into=nn.init(Mine(), X, 9))(X).data == mine(X).data).all()


def test_every_flipped_byte_and_every_cut_is_noticed(net, path):
    save(net, path)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(data), 150):
        damaged = bytearray(data)
        damaged[position] ^= 1 << rng.integers(0, 8)
        path.write_bytes(damaged)
        with pytest.raises(DataError):
            load(path)
    for length in [0, 1, 7, 8, 9, *rng.integers(0, len(data), 60)]:
        path.write_bytes(data[:length])
        with pytest.raises(DataError):
            load(path)


def test_what_is_no_net_is_refused(path, tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        load(path)
    with pytest.raises(DataError, match="it is a folder"):
        load(tmp_path)
    from safetensors.numpy import save_file

    save_file({"a": X}, path)
    with pytest.raises(DataError, match="was not written by this version of nbdl"):
        load(path)
    _files.write(path, {}, {"kind": "checkpoint"})
    with pytest.raises(DataError, match="holds a checkpoint, not a net"):
        load(path)


def test_a_file_can_name_registered_layers_only(path):
    _files.write(path, {}, {"kind": "net", "net": {"layer": "os:system"}})
    with pytest.raises(NbdlError, match="unknown layer `os:system`"):
        load(path)


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(net, path, monkeypatch, function):
    save(net, path)
    before = path.read_bytes()

    def fail(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, function, fail)
    net[0].w[...] = 0.0
    with pytest.raises(SaveError, match="No space left on device"):
        save(net, path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_no_such_folder(net, tmp_path):
    with pytest.raises(SaveError, match="cannot write"):
        save(net, tmp_path / "no" / "such.safetensors")


def test_the_file_mode_follows_the_umask(net, path):
    former = os.umask(0o027)
    try:
        save(net, path)
    finally:
        os.umask(former)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_sequential_with_a_call_of_its_own_is_not_taken_for_a_plain_one(path):
    class Residual(nn.Sequential):
        def __call__(self, x, train=None):
            return super().__call__(x, train=train) + x

    net = nn.init(Residual(nn.Linear(6)), X)
    save(net, path)
    with pytest.raises(DataError, match="weights alone"):
        load(path)
    assert (load(path, into=Residual(nn.Linear(6)))(X).data == net(X).data).all()


def test_shared_parameters_are_saved_as_weights_alone(path):
    layer = nn.Linear(6)
    net = nn.init(nn.Sequential(layer, nn.Tanh(), layer), X)
    save(net, path)
    with pytest.raises(DataError, match="share parameters"):
        load(path)


def test_a_net_without_weights_is_not_saved(path):
    with pytest.raises(UsageError, match="no weights yet"):
        save(nn.Sequential(nn.Linear(2)), path)


@pytest.mark.parametrize(
    "net",
    [
        5,
        "abc",
        [],
        {},
        {"layer": [1]},
        {"layer": "Sequential"},
        {"layer": "Sequential", "layers": 3},
        {"layer": "Linear", "out_features": "a"},
        {"layer": "Linear", "size": 3},
        {"layer": "Dropout", "p": "a"},
    ],
)
def test_a_description_of_no_net_is_refused(path, net):
    _files.write(path, {}, {"kind": "net", "net": net})
    with pytest.raises(NbdlError):
        load(path)


# --- arrays -------------------------------------------------------------------------------------------------

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
          "float32", "float64", "complex64"]  # fmt: skip


def same(a, b):
    """Equal to the last bit, in type, dtype, shape and place."""
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(map(same, a.values(), b.values()))
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_array_comes_back_bit_by_bit(path, dtype):
    a = (RNG.integers(-100, 100, (4, 6)) * 1.5).astype(dtype)
    for given in (
        a,
        a[::2, ::-1],
        np.asfortranarray(a),
        a.T,
        a[:0],
        a[0, 0],
        np.array(a[0, 0]),
        a[None, :, None],
    ):
        save(given, path)
        assert same(np.asarray(given), load(path))


def test_lists_and_dicts_of_arrays_come_back_as_they_were(path):
    x, y = X.astype("float32"), np.arange(3)
    odd = np.array([np.nan, -0.0, np.inf, 5e-324])
    for given in (
        [x, y], [x], [], {}, (x, y), {"x": x, "y": y}, {"z": y, "a": [x, (y, {"deep": odd})], "": x},
        {"\u03b1 [0] 'q' \n": x}, [[[]], {"empty": {}}, x], [x, x],
    ):  # fmt: skip
        save(given, path)
        assert same(given, load(path))


def test_tensors_and_parameters_are_saved_as_their_arrays(path, net):
    save({"t": nbdl.tensor(X), "weights": nn.parameters(net)}, path)
    again = load(path)
    assert same(again["t"], X)
    assert all(map(same, again["weights"], (p.data for p in nn.parameters(net))))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.array(["a"]), "`net` must have one of the dtypes bool, .*, got <U1"),
        ([X, {"k": X.astype(complex)}], r"`net`\[1\]\['k'\] must have one of the dtypes .*, got complex128"),
        (X.astype(X.dtype.newbyteorder("S")), "must have one of the dtypes"),
        (np.array([None]), "got object"),
        (np.zeros(2, "M8[s]"), "got datetime64"),
        (np.ma.masked_array(X, X > 0), "`net` must be a net, or arrays.*, got a MaskedArray"),
        ([X, 3.5], r"`net`\[1\] must be a net, or arrays, .*, got a float; try np\.array"),
        ({"x": X, "note": "text"}, r"`net`\['note'\] must be a net, or arrays, .*, got a str"),
        ({1: X}, "the keys of a dict must be texts, got 1"),
        (None, "got a NoneType"), ("net", "got a str"), (3.5, "got a float"), ({X.size}, "got a set"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_before_anything_is_written(path, given, words):
    with pytest.raises(DtypeError, match=words):
        save(given, path)
    assert not path.exists()


def test_nothing_beside_layers_is_lost_silently(path, net):
    save([net, net.layers[0]], path)  # a list of layers is a net
    with pytest.raises(DataError, match="weights alone"):
        load(path)
    with pytest.raises(DtypeError, match=r"`net`\[1\] is an array .* save it apart"):
        save([net, X], path)


def test_arrays_are_no_net(path, net):
    save([X], path)
    with pytest.raises(DataError, match="holds arrays, not a net"):
        load(path, into=net)
    _files.write(path, {"0": X}, {"kind": "arrays", "arrays": {"list": [{"array": "7"}]}})
    with pytest.raises(DataError, match="no valid file of arrays"):
        load(path)
