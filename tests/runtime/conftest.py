"""Makes the helpers beside it importable: pytest's importlib mode puts no test folder on a path."""

import importlib.util
import sys
from pathlib import Path

for _name in ("tiny_bundle", "fake_nvidia", "play_bundle"):
    _spec = importlib.util.spec_from_file_location(_name, Path(__file__).with_name(f"{_name}.py"))
    assert _spec is not None
    assert _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules[_name] = _module
    _spec.loader.exec_module(_module)
