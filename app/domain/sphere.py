"""Places on the unit sphere."""

import math


def on_sphere(latitude: float, longitude: float) -> tuple[float, float, float]:
    """A place as a point of the unit sphere."""
    phi, lam = math.radians(latitude), math.radians(longitude)
    return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)
