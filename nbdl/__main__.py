"""``python -m nbdl``: the command line."""

from nbdl.cli import main

main(prog_name="nbdl")
