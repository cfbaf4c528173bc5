"""The command line. A command's module is imported when the command is used: ``nbdl --help`` is quick."""

import difflib
import importlib

import click

from nbdl import __version__
from nbdl.cli._errors import handled, printed
from nbdl.cli._output import common_options

# name -> (module, attribute, help in one line); the order is that of `nbdl --help`
COMMANDS = {
    "train": ("_train", "train", "Train a model and keep the run: model, log, curves."),
    "eval": ("_eval", "evaluate", "Measure a trained model on a data set."),
    "predict": ("_predict", "predict", "Write a trained model's predictions for your inputs."),
    "generate": ("_generate", "generate", "Go on with a text, or draw samples, by a trained model."),
    "translate": ("_translate", "translate", "Translate sentences by a trained model, and measure BLEU."),
    "attention": (
        "_attention",
        "attention",
        "Show what each token attends, in all layers and heads.",
    ),
    "info": ("_info", "info", "Entropy, mutual information and their kin, of the columns of a table."),
    "rank": ("_rank", "rank", "Rank the columns of a table by what they tell about one of them."),
    "minimize": ("_minimize", "minimize", "Trace a method on a function, step by step, and draw its path."),
    "ngrams": ("_ngrams", "ngrams", "The most frequent runs of tokens of a text, and Zipf's law."),
    "models": (
        "_models",
        "models",
        "List and show the models, with the data sets that they have settings for.",
    ),
    "data": ("_data", "data", "List the data sets."),
    "kernels": ("_kernels", "kernels", "List, show and verify the compiled kernels."),
    "plugins": ("_plugins", "plugins", "List and check the installed plugins."),
    "plan": ("_plan", "plan", "Show the program that a model is trained by, and what each row costs."),
    "bench": ("_bench", "bench", "Measure kernels and training steps against what this machine can do."),
    "cache": ("_cache", "cache", "Show or clear the cache of compiled code."),
    "doctor": ("_doctor", "doctor", "Check this installation."),
}


class LazyGroup(click.Group):
    """A group whose commands stand in a table; each is imported at its first use."""

    def list_commands(self, ctx):
        return list(COMMANDS)

    def get_command(self, ctx, name):
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        return getattr(importlib.import_module(f"nbdl.cli.{module}"), attribute)

    def resolve_command(self, ctx, args):
        if args[0] not in COMMANDS:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean `{near[0]}`?" if near else f" There are: {', '.join(COMMANDS)}."
            ctx.fail(f"No such command `{args[0]}`.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])

    def main(self, *args, **kwargs):
        with printed():
            return super().main(*args, **kwargs)

    def invoke(self, ctx):
        with handled(ctx):
            return super().invoke(ctx)


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="nbdl", message="%(prog)s %(version)s")
@common_options
def main():
    """Deep learning and information theory as Numba-compiled kernels.

    \b
    nbdl train lenet                          train on real handwritten digits
    nbdl eval runs/lenet-digits-001           measure the trained model again
    nbdl train mlp --data plants.csv          your own table; the last column is the label

    Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 bad data or
    file, 4 training diverged, 5 plugin, 6 verification failed, 130 interrupted (training is saved).
    """
