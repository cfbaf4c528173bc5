"""Training runs: settings, the loop, evaluation, text from a net, and nets in files."""

from nbdl.train._attention import AttentionMap, attention, attention_picture
from nbdl.train._beam import beam_search
from nbdl.train._bleu import bleu
from nbdl.train._closed_form import least_squares, logistic_regression
from nbdl.train._config import Config, resolve, to_toml
from nbdl.train._draw import decode, draw_samples, reconstruct
from nbdl.train._draw_pictures import plane_picture, samples_picture
from nbdl.train._generate import generate
from nbdl.train._information_plane import InformationPlane, PlanePoint
from nbdl.train._load import load, load_run
from nbdl.train._loop import Run
from nbdl.train._measure import evaluate, predict
from nbdl.train._metrics import accuracy, bits_per_character, mean_absolute_error, perplexity, rmse
from nbdl.train._model import compile_config
from nbdl.train._remark import worse_than_a_constant
from nbdl.train._rollout import rollout
from nbdl.train._save import save
from nbdl.train._selection import CrossValidation, cross_validate, learning_curve
from nbdl.train._shift import covariate_shift_weights, label_shift_weights
from nbdl.train._start import fit, train
from nbdl.train._states import states, states_picture
from nbdl.train._statistics import Statistics, statistics
from nbdl.train._translate import translate

__all__ = [
    "AttentionMap",
    "Config",
    "CrossValidation",
    "InformationPlane",
    "PlanePoint",
    "Run",
    "Statistics",
    "accuracy",
    "attention",
    "attention_picture",
    "beam_search",
    "bits_per_character",
    "bleu",
    "compile_config",
    "covariate_shift_weights",
    "cross_validate",
    "decode",
    "draw_samples",
    "evaluate",
    "fit",
    "generate",
    "label_shift_weights",
    "learning_curve",
    "least_squares",
    "load",
    "load_run",
    "logistic_regression",
    "mean_absolute_error",
    "perplexity",
    "plane_picture",
    "predict",
    "reconstruct",
    "resolve",
    "rmse",
    "rollout",
    "samples_picture",
    "save",
    "states",
    "states_picture",
    "statistics",
    "to_toml",
    "train",
    "translate",
    "worse_than_a_constant",
]
