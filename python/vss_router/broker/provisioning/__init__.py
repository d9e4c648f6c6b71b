"""The topology on a broker: brought there, checked, compared."""

from vss_router.broker.provisioning.apply import Applied, Comparison, Provisioning
from vss_router.broker.provisioning.differences import Difference
from vss_router.broker.provisioning.policies import shown_limits

__all__ = ["Applied", "Comparison", "Difference", "Provisioning", "shown_limits"]
