"""Plans Kinesis streams.

    python3 src/plan.py < workload.json

Reads workloads, one JSON object a line:

    {"name": …, "averagePerSecond": …, "peakPerSecond": …, "bytes": …, "readers": …}

and prints a plan for each:

    {"name": …, "shards": …, "fanOut": …, "limit": "records" or "bytes" or "reads", "why": …}
"""

import json
import sys
from math import ceil

MIB = 1024 * 1024
# What one shard takes and gives in a second.
RECORDS_IN, BYTES_IN, BYTES_OUT, READS = 1000, MIB, 2 * MIB, 5


def plan(work: dict) -> dict:
    """Sizes a stream for the peak. The average is what nobody has to survive."""
    peak, size, readers = work["peakPerSecond"], work["bytes"], work["readers"]
    needs = {"records": peak // RECORDS_IN, "bytes": peak * size // BYTES_IN}
    writing = max(1, *needs.values())
    # Readers that share a shard share its 2 MiB and its five calls a second.
    reading = ceil(peak * size * readers / BYTES_OUT)
    fan_out = readers > READS or reading > writing
    limit = max(needs, key=needs.get)
    why = (
        f"{peak} records of {size} bytes a second need {needs['records']} shards by records and {needs['bytes']} by bytes;"
        f" {readers} readers without fan-out need {reading} shards and {readers} of their {READS} reads a second"
    )
    return {"name": work["name"], "shards": writing, "fanOut": fan_out, "limit": limit, "why": why}


def main() -> int:
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(plan(json.loads(line))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
