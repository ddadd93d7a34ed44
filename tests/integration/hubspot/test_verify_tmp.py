from __future__ import annotations
import time
import pytest
from datetime import datetime, UTC, timedelta
from support.mirror import LONG_AFTER, Mirror, MirrorMaker, made_account
from engine.sync.verify import Verdict, verify
import engine.sync.verify as V
H = dict(reconciliation_hours=24, archived_hours=24, calculated_hours=24)

def verdict_on(mirror):
    rig = mirror.rig
    nothing = lambda *_: None
    return verify(rig.database, rig.vault, rig.connections.get(mirror.schema), on_progress=nothing, on_doubt=nothing)

@pytest.mark.parametrize("day", [1000, 1100, 1200, 1400])
@pytest.mark.parametrize("then", [True])
def test_limit(mirror: MirrorMaker, monkeypatch, day, then) -> None:
    monkeypatch.setattr("engine.sync.verify.LATE", 0.0)
    limit = (datetime.now(UTC) - timedelta(days=60+day)).date().isoformat()
    made = mirror(made_account(contacts=300, companies=40, deals=200, properties=20), historical_sync_time_frame="DATE_LIMIT", backward_sync_limit_date=limit, **H)
    made.sync()
    a = made.account
    a.advance(LONG_AFTER)
    if then:
        for c in a.ids("contacts")[::3]:
            a.update("contacts", c, {"lastname": "x"}); a.advance(600)
        made.sync()
        a.advance(LONG_AFTER)
    asked = made.requests()
    v = verdict_on(made)
    print("DAY", day, then, [(t.table, t.rows, t.missing, t.extra, t.different) for t in v.tables if t.total], [(t.table, t.rows) for t in v.tables if t.table in ("contact","deal","deal_contact","contact_company")], made.rig.rows(f"select count(*) from {made.schema}.deal_contact dc where not exists (select from {made.schema}.deal d where d.deal_id = dc.deal_id)"), sum("search" in r for r in asked))
    print([r for r in asked if "contacts" in r and "batch" not in r]); assert 0
