"""Before any test imports onnxruntime: facedge turns its telemetry off."""

import facedge  # noqa: F401
