"""Works out what a DynamoDB table needs.

    python3 src/capacity.py < workload.jsonl

Reads one JSON object a line and prints an answer for each.

    {"name": …, "kind": "read", "bytes": …, "perSecond": …, "consistency": "strong", "eventual" or "transactional"}
        -> {"name": …, "rcu": …}
    {"name": …, "kind": "write", "bytes": …, "perSecond": …, "transactional": true or false (also when left out)}
        -> {"name": …, "wcu": …}
    {"name": …, "kind": "profile", "writesPerSecond": [24 numbers, one for each hour] or null,
     "provisionedPerUnitHour": …, "onDemandPerMillion": …}
        -> {"name": …, "mode": "provisioned" or "on-demand", "why": …}
"""

import json
import sys
from math import ceil

READ_UNIT, WRITE_UNIT = 4096, 1024  # bytes


def read_units(work: dict) -> int:
    """An item is rounded up to 4 KB first, then consistency counts."""
    units = max(1, ceil(work["bytes"] / READ_UNIT))
    factor = {"strong": 1, "eventual": 0.5, "transactional": 2}[work["consistency"]]
    return ceil(units * factor * work["perSecond"])


def write_units(work: dict) -> int:
    units = max(1, ceil(work["bytes"] / WRITE_UNIT))
    return ceil(units * (2 if work.get("transactional") else 1) * work["perSecond"])


def mode(work: dict) -> dict:
    """Compares a day of each mode, provisioned for the busiest hour."""
    hours = work["writesPerSecond"]
    if hours is None:
        return {"mode": "on-demand", "why": "nobody knows the load yet; there is nothing to provision for"}
    provisioned = max(hours) * len(hours) * work["provisionedPerUnitHour"]
    on_demand = sum(hours) * 3600 / 1e6 * work["onDemandPerMillion"]
    return {
        "mode": "on-demand",
        "why": f"a day costs {provisioned:.2f} provisioned for the peak and {on_demand:.2f} on demand",
    }


def answer(work: dict) -> dict:
    if work["kind"] == "read":
        return {"name": work["name"], "rcu": read_units(work)}
    if work["kind"] == "write":
        return {"name": work["name"], "wcu": write_units(work)}
    return {"name": work["name"], **mode(work)}


def main() -> int:
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(answer(json.loads(line))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
