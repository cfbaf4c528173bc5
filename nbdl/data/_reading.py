"""Texts from files: in UTF-8, with any line ends, one file or a folder of them."""

from nbdl.data._fault import fault, reading

KIND, HINT = "text file in UTF-8", "a text file, saved as UTF-8"


def read_text(path):
    """The text of a file in UTF-8, its line ends (CR, LF or both) as one newline each.

    Raises
    ------
    DataError
        If it cannot be read, or is not UTF-8: the byte and its place are named.
    """
    with reading(path, KIND, HINT):
        content = path.read_bytes()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            at, byte = error.start, error.object[error.start]  # without a mark of the byte order at its start
            line = error.object.count(b"\n", 0, at) + 1
            at += len(content) - len(error.object)
            what = f"it is no valid {KIND}: byte 0x{byte:02x} at place {at}, in line {line}"
            raise fault(what, path, HINT) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_texts(path):
    """The text of a file; of a folder that of all its ``.txt`` files, in the order of their names."""
    if not path.is_dir():
        return read_text(path)
    try:
        files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".txt" and p.is_file())
    except OSError as error:
        raise fault(f"the folder cannot be read: {error.strerror or error}", path, HINT) from error
    if not files:
        raise fault("the folder holds no text", path, "a folder of .txt files")
    return "\n".join(map(read_text, files))
