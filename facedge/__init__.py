"""facedge: face models from research weights to verified bundles on the edge.

Importing this package imports neither torch nor a backend; each loads when first used.
"""

import os

__version__ = "0.1.0"

# ONNX Runtime 1.29 and later report model hashes and sessions to their maker unless this is set
# before it is imported; a runtime for people's faces tells nobody. "0" turns it on again.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
