"""The schema, as SQLAlchemy models: read and written by the stores beside this folder.

The migrations are held to it by a test.
"""

from hardcase_collector.storage.state.models.access import AuditRow, TokenRow, UserRow, WebSessionRow
from hardcase_collector.storage.state.models.clocks import (
    CaseClockRow,
    CaseTermsRow,
    FrozenTermsRow,
    KnownYearRow,
    SwapRow,
    TeamRow,
)
from hardcase_collector.storage.state.models.columns import Model
from hardcase_collector.storage.state.models.customers import (
    ContactRow,
    CustodyFeedRow,
    CustodyRow,
    CustodyTagRow,
    CustomerRow,
    EntitlementRow,
    SiteRow,
)
from hardcase_collector.storage.state.models.desk import (
    CaseDayRow,
    CaseRow,
    FindingChangeRow,
    FindingTableRow,
    OutboxTableRow,
    TimelineRow,
    WhyRow,
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
from hardcase_collector.storage.state.models.noise import PlannedWindowRow, StormTableRow
from hardcase_collector.storage.state.models.noise import PlannedWindowRow, StormTableRow
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
from hardcase_collector.storage.state.models.reports import AttachmentRow, ReportRow
from hardcase_collector.storage.state.models.spares import (
    DepotRow,
    DepotServiceRow,
    OrderWantRow,
    PartOrderRow,
    SpareFitRow,
    SpareRow,
    SpareTwinRow,
    StockRow,
    UnitRow,
)

__all__ = [
    "AgentRow",
    "AssetRow",
    "AttachmentRow",
    "AuditRow",
    "BaselineRow",
    "BindingRow",
    "CaseClockRow",
    "CaseDayRow",
    "CaseRow",
    "CaseTermsRow",
    "CatalogueRow",
    "ContactRow",
    "CoverageRow",
    "CustodyFeedRow",
    "CustodyRow",
    "CustodyTagRow",
    "CustomerRow",
    "DepotRow",
    "DepotServiceRow",
    "EntitlementRow",
    "EventRow",
    "FeedStateRow",
    "FeedTableRow",
    "FindingChangeRow",
    "FindingTableRow",
    "FrozenTermsRow",
    "InventoryRow",
    "KnownYearRow",
    "LossRow",
    "MarkRow",
    "Model",
    "OrderWantRow",
    "OutboxTableRow",
    "PlannedWindowRow",
    "PlannedWindowRow",
    "PartOrderRow",
    "QuarantineCountRow",
    "QuarantineRow",
    "ReportRow",
    "SensorRow",
    "SiteRow",
    "SourceStatusRow",
    "SpareFitRow",
    "SpareRow",
    "SpareTwinRow",
    "StockRow",
    "SwapRow",
    "TeamRow",
    "StormTableRow",
    "StormTableRow",
    "TimelineRow",
    "TokenRow",
    "UnitRow",
    "UserRow",
    "WebSessionRow",
    "WhyRow",
    "WindowRow",
]
