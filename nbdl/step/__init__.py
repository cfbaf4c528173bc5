"""A net as one native program (docs/programs.md tells how)."""

from nbdl.step._step import CompiledStep, compile_step

__all__ = ["CompiledStep", "compile_step"]
