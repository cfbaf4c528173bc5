"""Training runs: settings, the loop, evaluation, text from a net, and nets in files."""

from nbdl.train._attention import AttentionMap, attention, attention_picture
from nbdl.train._beam import beam_search
from nbdl.train._bleu import bleu
from nbdl.train._config import Config, resolve, to_toml
from nbdl.train._generate import generate
from nbdl.train._load import load, load_run
from nbdl.train._loop import Run
from nbdl.train._measure import evaluate, predict
from nbdl.train._metrics import accuracy, bits_per_character, mean_absolute_error, perplexity, rmse
from nbdl.train._model import compile_config
from nbdl.train._remark import worse_than_a_constant
from nbdl.train._rollout import rollout
from nbdl.train._save import save
from nbdl.train._start import fit, train
from nbdl.train._states import states, states_picture
from nbdl.train._statistics import Statistics, statistics
from nbdl.train._translate import translate

__all__ = [
    "AttentionMap",
    "Config",
    "Run",
    "Statistics",
    "accuracy",
    "attention",
    "attention_picture",
    "beam_search",
    "bits_per_character",
    "bleu",
    "compile_config",
    "evaluate",
    "fit",
    "generate",
    "load",
    "load_run",
    "mean_absolute_error",
    "perplexity",
    "predict",
    "resolve",
    "rmse",
    "rollout",
    "save",
    "states",
    "states_picture",
    "statistics",
    "to_toml",
    "train",
    "translate",
    "worse_than_a_constant",
]
