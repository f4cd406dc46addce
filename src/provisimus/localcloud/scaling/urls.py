"""Where moto's app finds the API: it looks for this module beside the backend's."""

from __future__ import annotations

from provisimus.localcloud.scaling.api import AutoScaling

url_bases = [r"https?://autoscaling\.(.+)\.amazonaws\.com"]
url_paths = {"{0}/$": AutoScaling.dispatch}
