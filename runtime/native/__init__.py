"""libfacedge from Python: the library that camera software embeds, through ctypes."""
