"""A net as one native program (docs/programs.md tells how)."""

from nbdl.step._diverged import advice, diverged, not_finite, spoilt
from nbdl.step._function import jit_predict
from nbdl.step._measure import measure
from nbdl.step._predict import CompiledPredict
from nbdl.step._report import Report, report
from nbdl.step._step import CompiledStep, compile_step
from nbdl.step._summary import Summary, summary

__all__ = [
    "CompiledPredict",
    "CompiledStep",
    "Report",
    "Summary",
    "advice",
    "compile_step",
    "diverged",
    "jit_predict",
    "measure",
    "not_finite",
    "report",
    "spoilt",
    "summary",
]
