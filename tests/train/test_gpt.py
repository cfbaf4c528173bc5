"""The decoder-only Transformer: trained, stopped and resumed; asked to go on with a text, with its cache."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn, train
from nbdl.data._vocabulary import BOOK as LETTERS
from nbdl.errors import OptionError, UsageError
from nbdl.step import report
from nbdl.train._beam import beam_search
from nbdl.train._stream import Stream

WORDS = "a man a plan a canal panama "
SMALL = {"features": 16, "blocks": 1, "heads": 2, "hidden": 32}
OPTIONS = {f"model_options.{name}": value for name, value in {**SMALL, "dropout": 0.0}.items()}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "story.txt"
    path.write_text(WORDS * 60, encoding="utf-8")
    return path


def settings(story, **others):
    given = {"data": str(story), "epochs": 2, "lr": 0.01, "data_options.length": 12, "batch_size": 16}
    return train.resolve("gpt", overrides={**given, **OPTIONS, **others})


@pytest.fixture(scope="module")
def run(story, tmp_path_factory):
    return train.train(settings(story, epochs=8), out=tmp_path_factory.mktemp("run") / "run")


def test_a_text_that_repeats_is_learnt_by_one_native_program(run):
    assert run.config.model_options == {**SMALL, "dropout": 0.0, "vocabulary": 28, "context": 12}
    step = run._updates.step
    assert step.program.native
    assert {line.target for line in report(step, samples=16).lines} == {"lanes"}
    assert run.history[-1]["test_perplexity"] < 6


def followed(net, ids):
    """The logits of the last of ids by a whole pass over the window that a cache would have."""
    context = net[1].length
    while len(ids) > context:  # the older half is dropped when the next one finds no room
        ids = ids[context - context // 2 :]
    return net(ids[None]).data[0, -1]


def held(monkeypatch, compiled):
    monkeypatch.setattr("nbdl.train._stream.native", lambda: compiled)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_cache_gives_what_the_whole_pass_gives(run, monkeypatch, compiled):
    """Token by token, also beyond the context, where the newer half is read anew."""
    held(monkeypatch, compiled)
    ids = np.random.default_rng(0).integers(0, 28, 33)
    stream = Stream(run.net)
    assert stream.room == 12
    for t in range(len(ids)):
        np.testing.assert_allclose(stream.read(ids[t]), followed(run.net, ids[: t + 1]), atol=1e-5)
    for t in (3, 33, 20, 21):  # as a search asks
        np.testing.assert_allclose(Stream(run.net)(ids[:t]), followed(run.net, ids[:t]), atol=1e-5)


def test_it_writes_on_beyond_its_context(run):
    prefix = LETTERS.encode("A man, a p")
    ids = prefix
    for _ in range(30):
        ids = np.append(ids, followed(run.net, ids).argmax())
    assert nbdl.generate(run, "A man, a p", 30, greedy=True) == LETTERS.decode(ids)
    (best, _), *_ = beam_search(lambda ids: followed(run.net, ids), prefix, 9, 3)
    assert nbdl.generate(run, "A man, a p", 9, beam=3) == LETTERS.decode(best)


def test_a_full_cache_is_said(run):
    follow, state = nbdl.jit_predict(run.net, [[0]], state=True)
    for _ in range(12):
        follow(state, np.array([[1]]))
    with pytest.raises(OptionError, match=r"`room` for 12 tokens, 12 were `seen`, and 1 more do not fit"):
        follow(state, np.array([[1]]))
    with pytest.raises(OptionError, match="`cache` needs causal=True"):
        nn.TransformerEncoderBlock(2, 4, cache=8)


def test_stopped_and_resumed_and_on_two_threads_to_the_same_bits(story, tmp_path, monkeypatch):
    """With dropout, also of the weights of attention."""
    options = {"model_options.dropout": 0.1, "data_options.partition": "random"}
    ends = [
        nn.state_dict(train.train(settings(story, threads=n, **options), out=tmp_path / str(n)).net)
        for n in (1, 2)
    ]
    monkeypatch.setattr("nbdl.train._loop._some", lambda steps, seconds: 1)
    stopped = type(
        "Stopped", (), {"asked": False, "__enter__": lambda s: s, "__exit__": lambda s, *_: False}
    )()

    def progress(event, **fields):
        stopped.asked = event == "step" and (fields["epoch"], fields["step"]) == (1, 3)

    monkeypatch.setattr("nbdl.train._loop.Interrupt", lambda: stopped)
    part = train.train(settings(story, **options), out=tmp_path / "part", progress=progress)
    assert part.interrupted
    stopped.asked = False
    ends.append(nn.state_dict(train.train(None, resume=tmp_path / "part").net))
    for other in ends[1:]:
        for name, values in ends[0].items():
            assert values.tobytes() == other[name].tobytes(), name


def test_the_model_and_its_sizes():
    ids = np.random.default_rng(0).integers(0, 28, (2, 64))
    net = nn.init(models.gpt(), ids)
    block = 4 * (128 * 128 + 128) + 2 * 128 * 512 + 512 + 128 + 4 * 128
    assert sum(p.size for p in nn.parameters(net)) == 28 * 128 + 64 * 128 + 4 * block + 256 + 129 * 28
    later = ids.copy()
    later[:, 40:] = 0
    np.testing.assert_array_equal(net(later).data[:, :40], net(ids).data[:, :40])
    tied = nn.init(models.gpt(tied=True, **SMALL), ids)
    assert "4.w" not in nn.named_parameters(tied) and tied(ids).shape == (2, 64, 28)
    with pytest.raises(UsageError, match="model `gpt`: option `blocks` must be at least 1, got 0"):
        models.gpt(blocks=0)
