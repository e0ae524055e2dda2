"""The schema, as SQLAlchemy models: read and written by the stores beside this folder.

The migrations are held to it by a test.
"""

from hardcase_collector.storage.state.models.access import AuditRow, TokenRow, UserRow, WebSessionRow
from hardcase_collector.storage.state.models.columns import Model
from hardcase_collector.storage.state.models.desk import (
    CaseDayRow,
    CaseRow,
    FindingChangeRow,
    FindingTableRow,
    OutboxTableRow,
    TimelineRow,
    WhyRow,
from hardcase_collector.storage.state.models.customers import (
    ContactRow,
    CustodyFeedRow,
    CustodyRow,
    CustodyTagRow,
    CustomerRow,
    EntitlementRow,
    SiteRow,
)
)
from hardcase_collector.storage.state.models.feeds import (
    BaselineRow,
    CatalogueRow,
    FeedStateRow,
    FeedTableRow,
    LossRow,
    MarkRow,
    QuarantineCountRow,
    QuarantineRow,
    SensorRow,
)
from hardcase_collector.storage.state.models.registry import (
    AgentRow,
    AssetRow,
    BindingRow,
    CoverageRow,
    EventRow,
    InventoryRow,
    SourceStatusRow,
    WindowRow,
)

__all__ = [
    "AgentRow",
    "AssetRow",
    "AuditRow",
    "BaselineRow",
    "BindingRow",
    "CaseDayRow",
    "CaseRow",
    "CatalogueRow",
    "CoverageRow",
    "EventRow",
    "FeedStateRow",
    "FeedTableRow",
    "FindingChangeRow",
    "FindingTableRow",
    "InventoryRow",
    "LossRow",
    "MarkRow",
    "Model",
    "OutboxTableRow",
    "QuarantineCountRow",
    "QuarantineRow",
    "SensorRow",
    "SourceStatusRow",
    "TimelineRow",
    "TokenRow",
    "UserRow",
    "WebSessionRow",
    "WhyRow",
    "WindowRow",
]
    "ContactRow",
    "CustodyFeedRow",
    "CustodyRow",
    "CustodyTagRow",
    "CustomerRow",
    "DepotRow",
    "DepotServiceRow",
    "EntitlementRow",
    "SiteRow",
