"""Histories that once failed, kept in their smallest form, and why they failed."""

from __future__ import annotations

from simulation.history import RECONCILE, SYNC, History, Setup, Step

_ONLY_ON_REQUEST = {"reconciliation_hours": 744, "archived_hours": 744, "calculated_hours": 744}

KEPT = {
    "associations of a record that is gone stayed where the record had no row": History(
        1088,
        Setup(
            account={"contacts": 250, "companies": 20, "deals": 30, "properties": 10, "seed": 322},
            config=_ONLY_ON_REQUEST,
        ),
        (Step(RECONCILE), Step("gdpr_delete", 3501232323), Step("drop_table", 2)),
    ),
    "a property that became text kept what it had held as a date": History(
        2002,
        Setup(
            account={"contacts": 20, "companies": 15, "deals": 15, "properties": 12, "seed": 906},
            config=_ONLY_ON_REQUEST,
        ),
        (Step("add_property", 1097250966), Step(SYNC), Step("retype_property", 2681892104)),
    ),
    "associations with records that could not be read at first stayed missing": History(
        3434,
        Setup(
            account={"contacts": 20, "companies": 15, "deals": 15, "properties": 10},
            config={**_ONLY_ON_REQUEST, "archived_hours": 0},
            told=True,
        ),
        (Step("scope_taken", 1), Step(SYNC)),
    ),
}
"""By what went wrong."""
