class Imports:
    """Seconds in a fresh process, beyond the start of Python itself.

    Of `import nbdl.kernels`, what is beyond `import numba` is ours; `import nbdl` and `nbdl --help` import
    neither numba nor numpy.
    """

    def timeraw_import_nbdl(self):
        return "import nbdl"

    def timeraw_import_kernels(self):
        return "import nbdl.kernels"

    def timeraw_import_numba(self):
        return "import numba"

    def timeraw_help(self):
        return """
        import contextlib, io
        with contextlib.redirect_stdout(io.StringIO()):
            from nbdl.cli import main
            main(["--help"], standalone_mode=False)
        """
