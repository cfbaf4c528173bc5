"""How a compiled function is put together: what it is made of stays LLVM's text, and is optimised once.

Numba optimises every function, and once more with each function that it is linked into: the inner loop of a
matrix product three times before `linear` is ready. Here the functions that an outermost one calls are kept
as Numba's front end has made them. The outermost one links them all, and is the only one that is optimised
and turned into machine code. The first call takes half of the time, the disk cache a third of the room, and
the machine code is the same.

These are private parts of Numba: where they have moved, everything compiles as Numba would.
"""

import contextlib
import functools
import gc

from nbdl import _symbol

try:
    import llvmlite.binding as llvm
    from numba.core.codegen import JITCodeLibrary, JITCPUCodegen
    from numba.core.compiler import Compiler, Flags

    _OPTIMISE_FUNCTIONS = JITCodeLibrary._optimize_functions
    _UNRESOLVED = ".numba.unresolved$"  # what a call of a function that is still being compiled goes through
except (ImportError, AttributeError):  # pragma: no cover - a future Numba
    JITCodeLibrary = JITCPUCodegen = Compiler = Flags = object
    _OPTIMISE_FUNCTIONS = None


_SYMBOLS = _symbol.installed()


def available():
    """Whether this Numba has the private parts that are needed; asking does not start its compiler."""
    return _OPTIMISE_FUNCTIONS is not None and hasattr(JITCPUCodegen, "_library_class")


# --- libraries ----------------------------------------------------------------------------------------------


class _Library(JITCodeLibrary):
    """Code that is optimised as a whole: no passes over each function before."""

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout

    def _used(self):
        """All libraries that this one is linked with, those of inner functions themselves."""
        found = {}
        stack = list(self._linking_libraries)
        while stack:
            library = stack.pop(0)
            if library not in found:
                found[library] = None
                if isinstance(library, _Inner):
                    stack += library._linking_libraries
        return found

    def _link_all(self, module):
        """Link what is used into `module`; returns the environments of the inner functions, by name."""
        environments = {}
        for library in self._used():
            self._reload_init.update(library._reload_init)
            if isinstance(library, _Inner):
                environments.update(library.environments)
                module.link_in(library.alone(), preserve=True)
            else:
                module.link_in(library._get_module_for_linking(), preserve=True)
        return environments


class _Inner(_Library):
    """The code of a function that others are made of: neither optimised nor turned into machine code.

    Unless somebody wants its address: a function that Python can call has one.
    """

    inlined = False

    def __init__(self, codegen, name):
        super().__init__(codegen, name)
        self.environments, self._own, self._exported = {}, None, []
        self._all, self._native = None, False

    @property
    def codegen(self):
        """Where `get_executable` puts the environment of the function: here, until there is an address."""
        return self._codegen if self._native else _Environments(self)

    def finalize(self):
        self._raise_if_finalized()
        self._finalized = True

    def alone(self):
        """Its own functions, in a form that may be linked several times."""
        if self._own is None:
            self._own = self._final_module
            for function in self._own.functions:
                if not function.is_declaration and function.linkage == llvm.Linkage.external:
                    function.linkage = "linkonce_odr"
                    if self.inlined:
                        function.add_function_attribute("alwaysinline")
                    self._exported.append(function.name)
        return self._own

    def _get_module_for_linking(self):
        if self._all is None:
            self._all = self.alone().clone()
            self._link_all(self._all)
        return self._all

    def get_pointer_to_function(self, name):
        self._ensure_finalized()
        if not self._native and not self._defines(name):
            return 0
        if not self._native:
            self._native, self._final_module = True, self.alone().clone()
            for exported in self._exported:
                self._final_module.get_function(exported).linkage = "external"
            environments = self._link_all(self._final_module)
            self._optimize_final_module()
            self._finalize_final_module()
            _bind(self, environments)
        return super().get_pointer_to_function(name)

    def _defines(self, name):
        try:
            return not self._final_module.get_function(name).is_declaration
        except NameError:
            return False

    @classmethod
    def _unserialize(cls, codegen, state):
        with _libraries(codegen, JITCodeLibrary):  # from the disk: code that was optimised
            return JITCodeLibrary._unserialize(codegen, state)


class _Outermost(_Library):
    """The code of a function and of all that it calls, optimised once; a public kernel has a `symbol`."""

    symbol = kernel = None
    mutual = False  # whether it calls itself through another function

    def finalize(self):
        self._raise_if_finalized()
        if self.kernel is not None:
            self.symbol = _symbol.symbol_of(*self.kernel(), self._final_module)
        environments = self._link_all(self._final_module)
        self._optimize_final_module()
        self._hide_inner_functions()
        self._final_module.verify()
        if self.symbol is not None:
            self._final_module.get_function(self.symbol.name).name = self.symbol.own
            self._reload_init.add(_symbol.installed)  # in a process that reads a caller's code from the disk
        self._finalize_final_module()
        _bind(self, environments)

    def _get_module_for_linking(self):
        if self.symbol is None:
            return super()._get_module_for_linking()
        self._ensure_finalized()
        if self._shared_module is None:
            head = str(self._codegen._create_empty_module("stub"))
            self._shared_module = _symbol.stub(self.symbol, head)
            _symbol.announce(self.symbol, self.get_pointer_to_function(self.symbol.own))
        return self._shared_module

    def get_pointer_to_function(self, name):
        own = self.symbol is not None and name == self.symbol.name
        return super().get_pointer_to_function(self.symbol.own if own else name)

    def serialize_using_object_code(self):
        if self.symbol is None:
            return super().serialize_using_object_code()
        self._ensure_finalized()
        defined = [f.name for f in self._final_module.functions if not f.is_declaration]
        return self.name, "kernel", (self._get_compiled_object(), self.symbol, defined)

    @classmethod
    def _unserialize(cls, codegen, state):
        name, kind, data = state
        if kind != "kernel":
            return super()._unserialize(codegen, state)
        self = codegen.create_library(name)
        code, self.symbol, defined = data
        self._reload_init.add(_symbol.installed)
        self.enable_object_caching()
        self._set_compiled_object(code)
        self._finalize_final_module()
        codegen._engine._defined_symbols.update(defined)
        return self

    def _hide_inner_functions(self):
        """No other code sees what this one is made of: symbols of equal names in two processes may differ."""
        recursive = {
            v.name.removeprefix(_UNRESOLVED)
            for v in self._final_module.global_variables
            if v.name.startswith(_UNRESOLVED)
        }
        for function in self._final_module.functions:
            inner = not function.is_declaration and function.linkage == llvm.Linkage.linkonce_odr
            if inner and function.name not in recursive:
                function.linkage = "internal"
        self.mutual = bool(recursive)


class _Environments:
    """A code generator, as far as a function's environment is concerned: keeps it for the outermost one."""

    def __init__(self, library):
        self._library = library

    def set_env(self, name, environment):
        self._library.environments[name] = environment


def _bind(library, environments):
    """Tell the machine code of inner functions where their environments are, if they need any."""
    for name, environment in environments.items():
        with contextlib.suppress(NameError):
            library._final_module.get_global_variable(name)
            library._codegen.set_env(name, environment)


def loading(codegen):
    """Within it, libraries that are read from our cache are ours."""
    return _libraries(codegen, _Outermost)


@contextlib.contextmanager
def _libraries(codegen, kind):
    before, codegen._library_class = codegen._library_class, kind
    try:
        yield
    finally:
        codegen._library_class = before


# --- compiling ----------------------------------------------------------------------------------------------

_depth = 0  # of outermost functions that are being compiled, under the compiler's lock


class Outermost(Compiler):
    """Numba's compiler for a function whose callees are linked into it before anything is optimised."""

    def _compile_core(self):
        global _depth
        codegen = self.state.targetctx.codegen()
        state = self.state
        state.library = library = _Outermost(codegen, state.func_id.func_qualname)
        if _SYMBOLS and (name := _symbol.known_as(state.func_id.func)):
            library.kernel = lambda: (name, tuple(state.args), state.return_type)
        library.enable_object_caching()
        collecting = gc.isenabled()
        gc.disable()  # a compilation makes objects by the million, and keeps most of them
        _depth += 1
        try:
            with _libraries(codegen, _Inner):
                return super()._compile_core()
        finally:
            _depth -= 1
            if collecting:
                gc.enable()


class _InnerFlags(Flags):
    """Flags of a function without wrappers, in whose symbol that is not said."""

    def get_mangle_string(self):
        flags = Flags(self)
        flags.discard("no_cpython_wrapper")
        flags.discard("no_cfunc_wrapper")
        return flags.get_mangle_string()


class Inner(Compiler):
    """Numba's compiler for a function that Python never calls: no wrappers, the symbols of `Outermost`."""

    def __init__(self, typingctx, targetctx, library, args, return_type, flags, locals):
        flags = _InnerFlags(flags)
        flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        super().__init__(typingctx, targetctx, library, args, return_type, flags, locals)


class Inlined(Inner):
    """The same, for a function that LLVM takes into each of its callers, whatever its size."""

    def _compile_core(self):
        compiled = super()._compile_core()
        self.state.library.inlined = True
        return compiled


def inner_when_called(compiled, make):
    """Have other outermost functions link `compiled` from a second form of it, ``make()``, that has no code.

    The two are one function for Numba's type inference, which asks whether it is being compiled; the second
    one is ``compiled.inner()``.
    """
    template, overload = compiled.get_call_template, compiled.get_overload

    @functools.cache
    def inner():
        form = make()
        form._compiling_counter = compiled._compiling_counter
        return form

    compiled.inner = inner
    compiled.get_call_template = lambda args, kws: (
        inner().get_call_template(args, kws) if _depth else template(args, kws)
    )
    compiled.get_overload = lambda sig: inner().get_overload(sig) if _depth else overload(sig)
