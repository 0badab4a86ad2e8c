"""`save` and `load`: a Python object to a checkpoint, and back."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from contextlib import nullcontext
from pickle import UnpicklingError
from typing import Any

from ..arrays.size import device
from . import files, names
from .archive import Archive, write_archive
from .machine import Machine
from .pickler import dumps
from .storages import LoadedStorage, StorageType


def save(obj: Any, f: Any) -> None:
    """Save an object to a file that `load` opens, and PyTorch's ``torch.load`` too.

    Best saved are state dicts: they are plain data, and outlive changes of the code. Whole modules
    and optimizers can be saved as well (only their classes' names are, so the code must be
    there when they are loaded); files with modules are for minigrad only.

    A path is replaced as a whole: until all is written, the old file stays as it was. (Only where
    it cannot be replaced, as in a folder without permission to write, it is written over.) A tensor
    that another thread changes meanwhile is saved with some of its old and some of its new values.

    Parameters
    ----------
    obj : object
        Anything that can be pickled. Tensors that share memory will share memory again. Gradients,
        hooks and the graph are not saved.
    f : str, path or file object
        Where to. A file object must be open for writing bytes.

    Raises
    ------
    AttributeError
        `f` is none of these.
    RuntimeError
        The folder does not exist; or two views of the same memory have different dtypes.
    pickle.PicklingError, AttributeError, TypeError
        The object, or something in it, cannot be pickled (such as a lambda or an open file).
    OSError
        The file cannot be written, or a stream takes less than it is given.

    Examples
    --------
    >>> import io
    >>> import minigrad as mg
    >>> file = io.BytesIO()
    >>> mg.save({"weight": mg.tensor([1.0, 2.0]), "epoch": 3}, file)
    >>> _ = file.seek(0)
    >>> mg.load(file)
    {'weight': tensor([1., 2.]), 'epoch': 3}
    """
    if not files.is_path(f) and not hasattr(f, "write"):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute, but "
            f"got {type(f).__name__}"
        )
    # All that can fail about the object fails here, before any file is touched.
    pickled, storages = dumps(obj)
    with files.replacing(f) if files.is_path(f) else nullcontext(f) as file:
        write_archive(files.write_all(file), pickled, storages.contents)


def load(
    f: Any,
    map_location: Any = None,
    *,
    weights_only: bool | None = True,
    mmap: bool | None = None,
) -> Any:
    """Load what `save`, or PyTorch's ``torch.save``, has written.

    By default nothing in the file can do harm: it may describe tensors, parameters, sizes, dtypes,
    NumPy arrays, numbers, text and the usual containers, and everything else is refused
    before it is looked at. Classes to be trusted are named with
    `minigrad.serialization.safe_globals`.

    Parameters
    ----------
    f : str, path or file object
        Where from. A file object must be open for reading bytes, and is read from its position
        to the end of the first checkpoint there, where the next one may begin.
    map_location : str, device, dict or callable, optional
        Where PyTorch would put the tensors. Wherever they were when saved, they are loaded
        to the CPU; naming another device here is an error.
    weights_only : bool
        False runs whatever the file says, so use it only for files of your own. Needed for whole
        modules. Default: True.
    mmap : bool, optional
        Whether to leave the tensors' memory in the file (a path, then) until it is used. Changes
        are not written back, and checksums not looked at. Default: False.

    Returns
    -------
    object

    Raises
    ------
    pickle.UnpicklingError
        The file wants more than `weights_only` allows, has something that minigrad does not have
        (such as the dtype bfloat16), or describes impossible tensors.
    RuntimeError
        The file is no checkpoint, is damaged, or is in the format of PyTorch before 1.6; or
        `map_location` is another device than the CPU.
    EOFError
        The file is empty, or has been read already.
    ValueError
        `mmap` without a path.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> import minigrad as mg
    >>> path = os.path.join(tempfile.mkdtemp(), "model.pt")
    >>> model = mg.nn.Linear(2, 3)
    >>> mg.save(model.state_dict(), path)
    >>> model.load_state_dict(mg.load(path))
    <All keys matched successfully>
    """
    if mmap and not files.is_path(f):
        raise ValueError("f must be a file path in order to use the mmap argument")
    with files.reading(f) as file:
        archive = Archive(file)
        program = archive.read("data.pkl").tobytes()
        storages = _Storages(archive, map_location, bool(mmap))
        if weights_only is False:
            loaded = _TrustingUnpickler(io.BytesIO(program), storages).load()
        else:
            try:
                loaded = Machine(program, storages).run()
            except UnpicklingError as e:
                raise UnpicklingError(
                    f"Weights only load failed. WeightsUnpickler error: {e}"
                ) from e
        file.seek(archive.end)
        return loaded


class _Storages:
    """Loads the storages that a pickle refers to, each once."""

    def __init__(self, archive: Archive, map_location: Any, mapped: bool) -> None:
        self._archive = archive
        self._target = _target(map_location)
        self._read = archive.map if mapped else archive.read
        self._loaded: dict[str, tuple[StorageType, LoadedStorage]] = {}

    def __call__(self, reference: Any) -> LoadedStorage:
        """The storage of a reference ``("storage", type, key, location, numel)``.

        Raises
        ------
        UnpicklingError
            It is no such reference, or does not fit the file.
        """
        if type(reference) is not tuple or len(reference) != 5 or reference[0] != "storage":
            raise UnpicklingError("a reference that is none to a storage")
        _, kind, key, location, numel = reference
        if type(kind) is not StorageType or type(numel) is not int:
            raise UnpicklingError("a reference to a storage without type or size")
        if type(key) is not str or type(location) is not str:
            raise UnpicklingError("a reference to a storage without key or location")
        if kind.numpy is None:
            raise UnpicklingError(
                f"the checkpoint has a torch.{kind.name}, a type that minigrad does not have. In "
                "PyTorch, convert such tensors before saving, for example with .float()"
            )
        self._target(location)
        if key not in self._loaded:
            size = self._archive.size(f"data/{key}")
            if size != numel * kind.numpy.itemsize:
                raise UnpicklingError(
                    f"storage {key!r:.40} has {size} bytes, but {numel} entries of "
                    f"{kind.numpy.name} were announced"
                )
            memory = self._read(f"data/{key}").view(kind.numpy)
            if self._archive.swapped:
                memory = memory.byteswap()
            self._loaded[key] = kind, LoadedStorage(memory)
        known, storage = self._loaded[key]
        if known is not kind or storage.memory.size != numel:
            raise UnpicklingError(f"storage {key!r:.40} is announced in two different ways")
        return storage


def _target(map_location: Any) -> Callable[[Any], None]:
    """A check of whether tensors of a location are mapped to the CPU."""
    if map_location is None or callable(map_location):
        return lambda location: None
    if isinstance(map_location, dict):
        return lambda location: _check_cpu(map_location.get(location, "cpu"))
    if not isinstance(map_location, (str, device)):
        raise TypeError(
            "map_location should be a str, torch.device, dict or callable, but got "
            f"{type(map_location).__name__}"
        )
    return lambda location: _check_cpu(map_location)


def _check_cpu(target: Any) -> None:
    name = str(target)
    if name.startswith("cuda"):
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            f"False: map_location is {name!r}, and minigrad computes on the CPU only. Use "
            "map_location='cpu', or none."
        )
    if name.partition(":")[0] != "cpu":
        raise RuntimeError(
            f"don't know how to restore data location (tagged with {name}): minigrad computes on "
            "the CPU only. Use map_location='cpu', or none."
        )


class _TrustingUnpickler(pickle.Unpickler):
    """Python's unpickler, with minigrad's things under PyTorch's names."""

    def __init__(self, file: io.BytesIO, storages: _Storages) -> None:
        super().__init__(file)
        self._storages = storages

    def persistent_load(self, pid: Any) -> Any:
        """Fetch a storage."""
        return self._storages(pid)

    def find_class(self, module: str, name: str) -> Any:
        """The class or function of a name. Names in ``torch`` never import PyTorch."""
        if not names.is_pytorch(module):
            return super().find_class(module, name)
        full = f"{module}.{name}"
        found = names.FUNCTIONS.get(full) or names.VALUES.get(full)
        if found is None:
            found = names.counterpart(module, name)
        if found is None:
            raise names.missing(module, name)
        return found
