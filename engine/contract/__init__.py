"""What a source and a destination promise each other. Imports nothing else of the project.

A source yields messages (`engine.contract.messages`) about tables (`engine.contract.tables`); a destination stages
them and commits them together with the source's cursor. This package is all that a plug-in needs to import.
"""

from engine.contract.destination import Destination, DestinationPlugin, Loaded, LoadSession
from engine.contract.errors import (
    AccessDenied,
    Cancelled,
    Conflict,
    CredentialsRejected,
    DestinationBusy,
    DestinationError,
    DestinationRefused,
    DestinationUnavailable,
    Follow,
    InvalidSetting,
    NotFound,
    PenstockError,
    QuotaSpent,
    SourceError,
    SourceRefused,
    SourceUnavailable,
)
from engine.contract.messages import (
    Batch,
    Cell,
    Checkpoint,
    Complete,
    Cursor,
    Deletion,
    Expected,
    Message,
    Notice,
    Row,
    Rows,
    SchemaChange,
)
from engine.contract.setup import SetupTest, TestStatus
from engine.contract.source import Host, Source, SourcePlugin
from engine.contract.tables import DELETED, SYNCED, Catalog, Column, Stream, Table
from engine.contract.types import ColumnType, common_type, ladder

__all__ = [
    "DELETED",
    "SYNCED",
    "AccessDenied",
    "Batch",
    "Cancelled",
    "Catalog",
    "Cell",
    "Checkpoint",
    "Column",
    "ColumnType",
    "Complete",
    "Conflict",
    "CredentialsRejected",
    "Cursor",
    "Deletion",
    "Destination",
    "DestinationBusy",
    "DestinationError",
    "DestinationPlugin",
    "DestinationRefused",
    "DestinationUnavailable",
    "Expected",
    "Follow",
    "Host",
    "InvalidSetting",
    "LoadSession",
    "Loaded",
    "Message",
    "NotFound",
    "Notice",
    "PenstockError",
    "QuotaSpent",
    "Row",
    "Rows",
    "SchemaChange",
    "SetupTest",
    "Source",
    "SourceError",
    "SourcePlugin",
    "SourceRefused",
    "SourceUnavailable",
    "Stream",
    "Table",
    "TestStatus",
    "common_type",
    "ladder",
]
