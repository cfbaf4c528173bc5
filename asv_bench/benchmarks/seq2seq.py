import numpy as np

from . import part

LENGTH, WORDS, BATCH = 9, 200, 128


class Seq2Seq:
    """The book's encoder and decoder on sentences of 9 tokens: a step of 128 of them, a translation of one.

    Embeddings and states of 256, two layers, 200 words of each language.
    """

    params = (["rnn", "gru", "lstm"],)
    param_names = ("cell",)

    def setup(self, cell):
        self.prepare("seq2seq", cell=cell)
        self.time_train(cell)
        self.time_translate(cell)

    def prepare(self, model, **options):
        make, compile_step = part("models", model), part("step", "compile_step")
        self.translate, vocabulary = part("train", "translate"), part("data", "Vocabulary")
        words = tuple(f"w{i}" for i in range(WORDS - 4))
        tokens = vocabulary(("<unk>", "<pad>", "<bos>", "<eos>", *words), unit="word", normalize="lower")
        self.vocabularies = {"source": tokens, "target": tokens}
        ids = np.random.default_rng(1).integers(4, WORDS, (BATCH, LENGTH))
        x = {"source": ids, "source_length": np.arange(BATCH) % LENGTH + 1, "target": ids[::-1].copy()}
        self.x, self.y = x, ids
        try:
            self.net = make(WORDS, WORDS, **options)
        except Exception as error:  # at commits without the option
            raise NotImplementedError(f"{model}: there is no {options}") from error
        self.step = compile_step(self.net, optimizer="adam", example=(x, ids), threads=1, lr=1e-4)

    def time_train(self, cell):
        self.step(self.x, self.y)

    def time_translate(self, cell):
        self.translate(self.net, "w1 w2 w3 w4", self.vocabularies, length=LENGTH)

    def time_translate_by_a_beam(self, cell):
        self.translate(self.net, "w1 w2 w3 w4", self.vocabularies, length=LENGTH, beam=4)


class Attention(Seq2Seq):
    """The same of the book's nets that attend: a decoder of recurrent layers, and the Transformer."""

    params = (["bahdanau", "transformer"],)
    param_names = ("model",)

    def setup(self, model):
        self.prepare(model)
        self.time_train(model)
        self.time_translate(model)
