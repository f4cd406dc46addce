"""Real builders, for what assembling cannot do: one file each, the best that is there is taken.

`find_builder` asks the machine; `interface.py` says what a builder is and what it may lack.
"""

from provisimus.images.builders.find import find_builder
from provisimus.images.builders.interface import Builder, Need
from provisimus.images.builders.needs import needs_of

__all__ = ["Builder", "Need", "find_builder", "needs_of"]
