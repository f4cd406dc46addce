"""The API of Auto Scaling as clients speak it: one file per kind of thing, joined here.

An action that is not simulated, or a parameter that an action does not honour, is refused by name.
"""

from __future__ import annotations

from provisimus.localcloud.scaling.api.groups import Groups
from provisimus.localcloud.scaling.api.instances import Instances
from provisimus.localcloud.scaling.api.lifecycle import Lifecycle
from provisimus.localcloud.scaling.api.policies import Policies
from provisimus.localcloud.scaling.api.refreshes import Refreshes
from provisimus.localcloud.scaling.api.tags import Tags


class AutoScaling(Groups, Instances, Lifecycle, Policies, Refreshes, Tags):
    pass
