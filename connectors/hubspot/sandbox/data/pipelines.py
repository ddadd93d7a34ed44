"""The account's deal pipelines and their stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.hubspot.sandbox.times import DAY, iso


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a deal pipeline."""

    id: str
    label: str
    probability: str
    closed: bool = False


PIPELINES: dict[tuple[str, str], tuple[Stage, ...]] = {
    ("default", "Sales Pipeline"): (
        Stage("appointmentscheduled", "Appointment Scheduled", "0.2"),
        Stage("qualifiedtobuy", "Qualified To Buy", "0.4"),
        Stage("presentationscheduled", "Presentation Scheduled", "0.6"),
        Stage("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
        Stage("contractsent", "Contract Sent", "0.9"),
        Stage("closedwon", "Closed Won", "1.0", closed=True),
        Stage("closedlost", "Closed Lost", "0.0", closed=True),
    ),
    ("75830914", "Renewals"): (
        Stage("145283001", "Upcoming", "0.5"),
        Stage("145283002", "Quoted", "0.7"),
        Stage("145283003", "Renewed", "1.0", closed=True),
        Stage("145283004", "Churned", "0.0", closed=True),
    ),
}


def deal_pipelines(until: int) -> list[dict[str, Any]]:
    """The deal pipelines as the pipelines API shows them; HubSpot's own one has no date of creation to speak of."""
    return [
        {
            "id": pipeline,
            "label": label,
            "displayOrder": order,
            "stages": [_stage(stage, place, until) for place, stage in enumerate(stages)],
            "createdAt": iso(0 if pipeline == "default" else until - 400 * DAY),
            "updatedAt": iso(0 if pipeline == "default" else until - 40 * DAY),
            "archived": False,
        }
        for order, ((pipeline, label), stages) in enumerate(PIPELINES.items())
    ]


def _stage(stage: Stage, place: int, until: int) -> dict[str, Any]:
    return {
        "id": stage.id,
        "label": stage.label,
        "displayOrder": place,
        "metadata": {"isClosed": "true" if stage.closed else "false", "probability": stage.probability},
        "createdAt": iso(until - 400 * DAY),
        "updatedAt": iso(until - 40 * DAY),
        "archived": False,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }
