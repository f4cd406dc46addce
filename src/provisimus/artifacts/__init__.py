"""Binary repositories: where artifacts are found, read with their checksums, and published.

Knows Maven's layout and the files that travel in it. Knows nothing of images.
"""

from provisimus.artifacts.publishing import Published, publish
from provisimus.artifacts.repositories import Repositories, open_repositories

__all__ = ["Published", "Repositories", "open_repositories", "publish"]
