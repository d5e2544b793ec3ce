"""facedge: face models from research weights to verified bundles on the edge.

Importing this package imports neither torch nor a backend; each loads when first used.
"""

__version__ = "0.1.0"
