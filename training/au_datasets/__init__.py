"""Readers for the published action-unit data sets: Aff-Wild2 (ABAW2), DISFA and BP4D.

Each reader takes the folder of annotations and the folder of pictures, checks every line, and
gives paths and labels of the frames that have a picture; nothing is decoded. The labels of all
three have the same twelve columns, so that sets can be joined.
"""

from .abaw2 import read_abaw2
from .bp4d import read_bp4d
from .disfa import read_disfa
from .frames import AuFrames, join

__all__ = ["AuFrames", "join", "read_abaw2", "read_bp4d", "read_disfa"]
