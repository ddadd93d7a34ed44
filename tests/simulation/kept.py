"""Histories that once failed, kept in their smallest form, and why they failed."""

from __future__ import annotations

from simulation.history import RECONCILE, SYNC, History, Setup, Step
from simulation.moments import REQUEST, Moment
from simulation.scale import Scale

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
    "associations of a merge's winner stayed missing when a dropped table let it be read from the beginning": History(
        769,
        Setup(
            account={
                "contacts": 20,
                "companies": 12,
                "deals": 8,
                "properties": 10,
                "seed": 714,
                "sparse_ids": True,
                "expires_in": 60,
                "association_page": 3,
                "limit": 190,
            },
            behaviour={"out_of_order": True, "index_lag": 600, "index_lag_spread": 2900},
            config={**_ONLY_ON_REQUEST, "archived_hours": 0},
            scale=Scale(3, 4, 12, inputs=5, group=6, worth_cutting=4, remembered=8, query=60, commit=8, few=60),
            oauth=True,
            told=True,
            watched=False,
        ),
        (
            Step("merge", 1536272550, Moment(REQUEST, "/pipelines", 2)),
            Step(SYNC),
            Step("update", 1773177522),
            Step("drop_table", 3407409061),
        ),
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
    "a change that came late into a millisecond was taken for one that had just left it": History(
        603,
        Setup(
            account={
                "contacts": 120,
                "companies": 15,
                "deals": 15,
                "properties": 10,
                "seed": 756,
                "sparse_ids": True,
                "limit": 190,
                "rotate_refresh_tokens": True,
                "expires_in": 1800,
            },
            behaviour={"index_lag": 20},
            config={**_ONLY_ON_REQUEST, "archived_hours": 0},
            scale=Scale(7, 9, 36, inputs=12, group=15, worth_cutting=6, remembered=500, query=6000, commit=25),
            oauth=True,
            told=True,
        ),
        (
            Step("index_lag", 4213512239, Moment(REQUEST, "/token", 7)),
            Step(SYNC),
            Step("touch", 2160672370),
            Step("doze", 2516839743),
            Step("update", 2500915602),
            Step("doze", 2943673376),
            Step(SYNC),
        ),
    ),
}
"""By what went wrong."""
