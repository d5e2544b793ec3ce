"""Makes ``tiny_bundle`` importable: pytest's importlib mode puts no test folder on the path."""

import importlib.util
import sys
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "tiny_bundle", Path(__file__).with_name("tiny_bundle.py")
)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules["tiny_bundle"] = _module
_spec.loader.exec_module(_module)
