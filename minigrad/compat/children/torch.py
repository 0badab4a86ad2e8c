"""What a child process finds as its ``torch``: minigrad, however its parent was started.

`minigrad.compat.install` puts the folder of this file in front on the path, and on that of the
processes that are started from then on. Whichever of PyTorch's names is imported there first, this
file lets minigrad answer for all of them, then imports the name again. The minigrad meant is the
one around this file, even where no other would be found.
"""

import sys
from importlib import import_module, util
from pathlib import Path


def _load_minigrad() -> None:
    if "minigrad" in sys.modules:
        return
    folder = Path(__file__).parents[2]
    spec = util.spec_from_file_location("minigrad", folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = sys.modules["minigrad"] = util.module_from_spec(spec)
    try:
        spec.loader.exec_module(package)
    except BaseException:
        del sys.modules["minigrad"]
        raise


if __name__ == "torch":
    try:
        _load_minigrad()
        install = import_module("minigrad.compat").install
    except Exception as error:
        raise ImportError(
            "torch means minigrad here, since the process that started this one asked for that "
            "with minigrad.compat.install() or python -m minigrad run; but "
            f"{sys.executable} cannot import minigrad ({type(error).__name__}: {error}). To have "
            "another torch in this process, start it without "
            f"{Path(__file__).parent} in its PYTHONPATH"
        ) from error

    del sys.modules[__name__]
    install()
    sys.modules[__name__] = import_module(__name__)
