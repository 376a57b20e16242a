"""Plans Kinesis streams.

    python3 src/plan.py < workload.json

Reads workloads, one JSON object a line:

    {"name": …, "averagePerSecond": …, "peakPerSecond": …, "bytes": …, "readers": …}

and prints a plan for each:

    {"name": …, "shards": …, "fanOut": …, "limit": "records" or "bytes" or "reads", "why": …}
"""

import json
import sys


def plan(work: dict) -> dict:
    """Your part: how many shards, and may the readers share them?

    Which of a shard's limits does this workload reach first? What do several
    readers share?
    """
    raise NotImplementedError("plan in src/plan.py is still to be written")


def main() -> int:
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(plan(json.loads(line))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
