from numba import njit

from . import integers, kernel, np, part


class Text:
    """A million tokens of 5000, drawn as often as words are: counted, and read by an n-gram model."""

    def setup(self):
        self.count, model = part("data", "ngram_counts"), part("models", "NgramModel")
        self.ids = np.minimum(5000 / (1 + integers(10**6, 5000)), 4999).astype(np.int64)
        self.model = model(self.ids, 5000)

    def time_ngram_counts(self):
        self.count(self.ids, 2)

    def time_log_probabilities(self):
        self.model.log_probabilities(self.ids)


class Writing:
    """1000 characters of a language model with 256 numbers of a state, in one call of compiled code.

    MFLOP: rnn_lm 160, gru_lm 451, lstm_lm 596.
    """

    params = (["rnn_lm", "gru_lm", "lstm_lm"],)
    param_names = ("model",)

    def setup(self, model):
        sample_token = kernel("sample_token")
        net = part("nn", "init")(part("models", model)(hidden=256), [[0]])
        follow, self.state = part("step", "jit_predict")(net, [[0]], state=True)

        @njit
        def write(ids, state):
            for t in range(1, ids.size):
                ids[t] = sample_token(follow(state, ids[t - 1 : t])[0], 0, t, 0, 1.0, 0, 1.0)

        self.write, self.ids = write, np.zeros(1001, np.int64)
        self.time_write(model)

    def time_write(self, model):
        self.write(self.ids, self.state)


class WritingWithACache:
    """63 characters of `gpt` (128 features, 4 blocks) in one call of compiled code; 1.6 MFLOP for each."""

    def setup(self):
        greedy_token = kernel("greedy_token")
        net = part("nn", "init")(part("models", "gpt")(), [[0]])
        follow, self.state = part("step", "jit_predict")(net, [[0]], state=True)

        @njit
        def write(ids, state):
            for t in range(1, ids.size):
                ids[t] = greedy_token(follow(state, ids[t - 1 : t])[0])

        self.write, self.ids = write, np.zeros(64, np.int64)
        self.time_write()

    def time_write(self):
        for array in self.state:
            array[:] = 0
        self.write(self.ids, self.state)
