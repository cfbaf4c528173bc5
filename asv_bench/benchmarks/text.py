from . import integers, np, part


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
