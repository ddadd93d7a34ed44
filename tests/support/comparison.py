"""The tables of a destination against a sandbox HubSpot, row by row and value by value.

Only the naming rules for columns are taken from the contract, where they have tests of their own; whatever else is
expected comes from the sandbox's own state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from support.truth import Key, Truth, held, meaning, moment_of, storable

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.rendering import PORTAL_ID
from engine.contract.naming import unique_names

Row: TypeAlias = Mapping[str, Any]

SINGULAR = {"contacts": "contact", "companies": "company", "deals": "deal"}
KEY = {"contacts": "id", "companies": "id", "deals": "deal_id"}
FIXED = {
    "contacts": ["id", "archived_at"],
    "companies": ["id", "archived_at", "portal_id"],
    "deals": ["deal_id", "archived_at", "portal_id", "deal_pipeline_id", "deal_pipeline_stage_id", "owner_id"],
}
LIFTED = {"deal_pipeline_id": "pipeline", "deal_pipeline_stage_id": "dealstage", "owner_id": "hubspot_owner_id"}
RELATIONS = {
    "deal_company": ("deals", "companies"),
    "deal_contact": ("deals", "contacts"),
    "contact_company": ("contacts", "companies"),
}


OVERFLOW = "_penstock_overflow"
"""The column with the values of those columns that a table has no room for."""
MERGES = (
    ("deals", "merged_deal", ("deal_id", "merged_deal_id")),
    ("contacts", "contact_merge_audit", ("contact_id", "vid_to_merge")),
)


class Comparison:
    """The differences between a schema and a sandbox account, as sentences.

    Args:
        url: The destination database.
        untold: Ids that HubSpot removed without telling anybody; their rows may be either way.
        since: Records last modified before need not be there, as with a date limit; others may not be missing.
        without: Tables that are not looked at.
    """

    def __init__(
        self,
        account: Account,
        url: str,
        schema: str,
        *,
        untold: Iterable[int] = (),
        since: datetime | None = None,
        without: Collection[str] = (),
    ) -> None:
        self._truth = Truth(account)
        self._url = url
        self._schema = schema
        self._untold = set(untold)
        self._since = since
        self._without = without
        self._found: list[str] = []

    def differences(self) -> list[str]:
        """All differences, none if both sides are equal."""
        with psycopg.connect(self._url, autocommit=True, row_factory=dict_row) as self._person:
            self._person.execute("SET TimeZone = 'UTC'")
            for object_type in SINGULAR:
                self._records(object_type)
            for table, (near, far) in RELATIONS.items():
                self._associations(table, near, far)
            self._merges()
            self._owners()
            self._pipelines()
            self._properties()
        return self._found

    def _rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table, or where it keeps every version, the last version of each."""
        query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(self._schema, table))
        rows = self._person.execute(query).fetchall()
        if rows and "_fivetran_start" in rows[0]:
            rows = self._last_versions(table, rows)
        for row in rows:
            row.update(row.get(OVERFLOW) or {})
        return rows

    def _last_versions(self, table: str, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The last version of each row; versions must follow each other, and only the last may be true."""
        names = (
            "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey)"
            " WHERE indisprimary AND indrelid = %s::regclass AND attname <> '_fivetran_start'"
        )
        target = sql.Identifier(self._schema, table).as_string(self._person)
        key = [row["attname"] for row in self._person.execute(names, [target])]
        last: dict[Key, dict[str, Any]] = {}
        for row in sorted(rows, key=lambda row: row["_fivetran_start"]):
            id_ = tuple(row[name] for name in key)
            before = last.get(id_)
            if before and (before["_fivetran_active"] or before["_fivetran_end"] >= row["_fivetran_start"]):
                self._say(f"{table} {id_}: a version does not end before the next begins")
            last[id_] = row
        for id_, row in last.items():
            if row["_fivetran_active"] is row.get("_fivetran_deleted", False):
                self._say(f"{table} {id_}: the last version is active and deleted, or neither")
        return list(last.values())

    def _say(self, sentence: str) -> None:
        self._found.append(sentence)

    def _compare(self, table: str, key: str, row: Row, expected: Row, kinds: Mapping[str, str]) -> None:
        for column, value_ in expected.items():
            value = storable(value_) if isinstance(value_, str) else value_
            if column not in row and OVERFLOW not in row:
                self._say(f"{table} has no column {column}")
                return
            cell = held(row.get(column), kinds.get(column, "string"))
            if cell != value or isinstance(cell, bool) is not isinstance(value, bool):
                self._say(f"{table} {key}: {column} is {row.get(column)!r}, HubSpot has {value!r}")

    def _columns(self, object_type: str, properties: Iterable[str]) -> Mapping[str, str]:
        """The column of each property: by the rules, where the stream does not remember that it has another."""
        statement = "SELECT cursor FROM penstock.cursors WHERE schema_name = %s AND stream = %s"
        stored = self._person.execute(statement, [self._schema, object_type]).fetchone()
        remembered = stored["cursor"].get("columns", {}) if stored else {}
        names = unique_names(properties, prefix="property_", taken=FIXED[object_type], claimed=remembered)
        if len(set(names.values())) < len(names):
            self._say(f"{SINGULAR[object_type]}: two properties have one column: {names}")
        return names

    def _records(self, object_type: str) -> None:
        table, kinds = SINGULAR[object_type], self._truth.kinds(object_type)
        if table in self._without:
            return
        names = self._columns(object_type, kinds)
        by_column = {names[name]: kind for name, kind in kinds.items()}
        rows = {row[KEY[object_type]]: row for row in self._rows(table)}
        for record in self._truth.records(object_type):
            record_id, properties = int(record["id"]), record["properties"]
            row = rows.pop(record_id, None)
            expected = self._expected(object_type, record, kinds, names)
            if row is not None:
                self._compare(table, str(record_id), row, expected, by_column)
            elif self._since is None or moment_of(record["updatedAt"]) >= self._since:
                self._say(
                    f"{table} {record_id} is missing ({'archived' if record['archived'] else 'live'}: {properties})"
                )
        for record_id, row in rows.items():
            if record_id in self._untold:
                continue
            if not self._truth.has_gone(object_type, record_id):
                self._say(f"{table} {record_id} is there, but HubSpot has never had it")
            markers = [name for name in ("_fivetran_deleted", "is_deleted") if name in row]
            if not all(row[name] for name in markers):
                self._say(f"{table} {record_id} is gone, but not marked deleted")

    def _expected(
        self, object_type: str, record: Row, kinds: Mapping[str, str], names: Mapping[str, str]
    ) -> dict[str, Any]:
        properties = record["properties"]
        expected: dict[str, Any] = {names[name]: meaning(properties[name], kind) for name, kind in kinds.items()}
        expected[KEY[object_type]] = int(record["id"])
        expected["_fivetran_deleted"] = record["archived"]
        expected["archived_at"] = moment_of(record["archivedAt"]) if record["archived"] else None
        if object_type != "contacts":
            expected |= {"portal_id": PORTAL_ID, "is_deleted": record["archived"]}
        if object_type == "deals":
            expected |= {column: properties[name] for column, name in LIFTED.items()}
            expected["owner_id"] = int(properties["hubspot_owner_id"]) if properties["hubspot_owner_id"] else None
        return expected

    def _associations(self, table: str, near: str, far: str) -> None:
        if table in self._without:
            return
        expected = self._truth.associations(near, far)
        near_key, far_key = f"{SINGULAR[near]}_id", f"{SINGULAR[far]}_id"
        live: dict[Key, str | None] = {}
        for row in self._rows(table):
            if not row["_fivetran_deleted"]:
                live[row[near_key], row[far_key], row["type_id"], row["category"]] = row["label"]
        for key, label in expected.items():
            if key not in live:
                if not self._is_old(near, key[0]):
                    self._say(f"{table} {key} ({label}) is missing or marked deleted")
            elif live.pop(key) != (label and storable(label)):
                self._say(f"{table} {key}: the label is not {label!r}")
        for key, label in live.items():
            if not {key[0], key[1]} & self._untold:
                self._say(f"{table} {key} ({label}) is there, but HubSpot has no such association")

    def _is_old(self, object_type: str, record_id: int) -> bool:
        if self._since is None:
            return False
        record = self._truth.account.get(object_type, record_id)
        return record is None or moment_of(record["updatedAt"]) < self._since

    def _merges(self) -> None:
        for object_type, table, (winner_key, loser_key) in MERGES:
            expected = self._truth.merges(object_type)
            rows = {(row[winner_key], row[loser_key]): row for row in self._rows(table)}
            for winner, loser in expected - rows.keys():
                if not self._is_old(object_type, winner):
                    self._say(f"{table}: that {loser} went into {winner} is missing")
            for winner, loser in rows.keys() - expected:
                if not self._truth.has_gone(object_type, winner) and winner not in self._untold:
                    self._say(f"{table}: {loser} never went into {winner}")
            if object_type == "contacts":
                for (winner, loser), when in self._truth.merged_at().items():
                    if (winner, loser) in rows:
                        audited = {"timestamp": when, "canonical_vid": winner}
                        self._compare(table, f"{winner} {loser}", rows[winner, loser], audited, {})

    def _whole(self, table: str, key: Sequence[str], expected: Mapping[Key, Row]) -> None:
        """Compare a table that is read whole each time: everything else in it has to be marked deleted."""
        if table in self._without:
            return
        rows = {tuple(row[name] for name in key): row for row in self._rows(table)}
        for key_, row in expected.items():
            if key_ in rows:
                self._compare(table, str(key_), rows.pop(key_), {"_fivetran_deleted": False, **row}, {})
            else:
                self._say(f"{table} {key_} is missing")
        for key_, row in rows.items():
            if not row["_fivetran_deleted"]:
                self._say(f"{table} {key_} is there, but HubSpot has none")

    def _owners(self) -> None:
        owners = self._truth.account.owners
        self._whole(
            "owner",
            ["owner_id"],
            {
                (int(owner["id"]),): {
                    "portal_id": PORTAL_ID,
                    "type": owner["type"],
                    "email": owner["email"],
                    "first_name": owner["firstName"],
                    "last_name": owner["lastName"],
                    "active_user_id": owner["userId"],
                    "user_id_including_inactive": owner["userIdIncludingInactive"],
                    "is_active": not owner["archived"],
                    "created_at": moment_of(owner["createdAt"]),
                    "updated_at": moment_of(owner["updatedAt"]),
                    "_fivetran_deleted": owner["archived"],
                }
                for owner in owners
            },
        )
        teams = [(owner, team) for owner in owners for team in owner.get("teams", ())]
        self._whole("team", ["id"], {(int(team["id"]),): {"name": team["name"]} for _, team in teams})
        self._whole(
            "owner_team",
            ["owner_id", "team_id"],
            {
                (int(owner["id"]), int(team["id"])): {
                    "is_team_primary": team["primary"],
                    "_fivetran_deleted": owner["archived"],
                }
                for owner, team in teams
            },
        )

    def _pipelines(self) -> None:
        pipelines = self._truth.account.pipelines
        self._whole("deal_pipeline", ["pipeline_id"], {(p["id"],): _described(p) for p in pipelines})
        self._whole(
            "deal_pipeline_stage",
            ["stage_id", "pipeline_id"],
            {
                (stage["id"], pipeline["id"]): {
                    **_described(stage),
                    "probability": float(stage["metadata"]["probability"]),
                    "is_closed": stage["metadata"]["isClosed"] == "true",
                    "closed_won": stage["metadata"]["isClosed"] == "true" and stage["metadata"]["probability"] == "1.0",
                }
                for pipeline in pipelines
                for stage in pipeline["stages"]
            },
        )

    def _properties(self) -> None:
        definitions = {
            (SINGULAR[object_type], definition["name"]): definition
            for object_type in SINGULAR
            for definition in self._truth.account.store(object_type).schema.definitions()
        }
        self._whole(
            "property",
            ["hubspot_object", "name"],
            {
                key: {
                    "label": definition["label"],
                    "description": definition["description"],
                    "group_name": definition["groupName"],
                    "type": definition["type"],
                    "field_type": definition["fieldType"],
                    "calculated": definition["calculated"],
                    "hubspot_defined": definition["hubspotDefined"],
                    "show_currency_symbol": definition.get("showCurrencySymbol"),
                    "created_at": moment_of(definition["createdAt"]),
                    "updated_at": moment_of(definition["updatedAt"]),
                }
                for key, definition in definitions.items()
            },
        )
        if "property" in self._without:
            return  # options are told apart by their property's id
        ids = {(row["hubspot_object"], row["name"]): row["_fivetran_id"] for row in self._rows("property")}
        self._whole(
            "property_option",
            ["property_id", "value"],
            {
                (ids.get(key), option["value"]): {
                    "hubspot_object": key[0],
                    "name": key[1],
                    "label": option["label"],
                    "display_order": option["displayOrder"],
                    "hidden": option["hidden"],
                }
                for key, definition in definitions.items()
                for option in definition["options"]
            },
        )


def _described(item: Row) -> Row:
    """What pipelines and stages have in common."""
    return {
        "label": item["label"],
        "display_order": item["displayOrder"],
        "active": not item["archived"],
        "created_at": moment_of(item["createdAt"]),
        "updated_at": moment_of(item["updatedAt"]),
    }


def assert_same(account: Account, url: str, schema: str, **allowances: Any) -> None:
    """Hold that the schema is what the account is; the arguments are those of `Comparison`."""
    differences = Comparison(account, url, schema, **allowances).differences()
    shown = [text if len(text) < 300 else f"{text[:300]}…" for text in differences[:20]]
    assert not differences, f"{len(differences)} differences, the first of them:\n" + "\n".join(shown)
