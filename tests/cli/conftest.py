"""Makes test helpers importable: pytest's importlib mode puts no test folder on a path."""

import importlib.util
import sys
from pathlib import Path

for _file in (Path(__file__).parents[1] / "runtime" / "play_bundle.py",):
    _spec = importlib.util.spec_from_file_location(_file.stem, _file)
    assert _spec is not None
    assert _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules[_file.stem] = _module
    _spec.loader.exec_module(_module)
