"""The windows of one device, in event time. No input, no output.

All times are milliseconds since 1970, but for `arrived`, which is in seconds.
"""

from datetime import datetime, timezone

MINUTE = 60_000
LATENESS = 2 * MINUTE
ROLLING = 5 * MINUTE


class Device:
    """Takes readings one by one; what they lead to is in closed and late."""

    def __init__(self, name, state, published):
        self.name = name
        self.mark = state.get("mark", 0)  # the watermark: nothing older is waited for
        self.arrived = state.get("arrived", 0)
        self.open = window_map(state.get("open", {}))
        self.recent = window_map(state.get("recent", {}))  # closed, and still in a rolling mean
        self.published = published  # start (text) -> ids of a window closed before
        self.closed, self.late = {}, []

    def state(self):
        return {"mark": self.mark, "arrived": self.arrived, "open": self.open, "recent": self.recent}

    def add(self, reading, arrived):
        self.arrived = max(self.arrived, arrived)
        at = milliseconds(reading["time"])
        start = at - at % MINUTE
        if start + MINUTE <= self.mark:
            if reading["id"] not in self.ids(start):
                self.late.append(reading)
            return
        window = self.open.setdefault(start, {"count": 0, "sum": 0, "ids": []})
        if reading["id"] not in window["ids"]:
            window["ids"].append(reading["id"])
            window["count"] += 1
            window["sum"] += reading["milli"]
        self.move(at - LATENESS)

    def ids(self, start):
        if start in self.closed:
            return self.closed[start]["ids"]
        return self.published(text(start))

    def move(self, mark):
        """Moves the watermark, never back, and closes what lies behind it."""
        self.mark = max(self.mark, mark)
        for start in sorted(self.open):
            if start + MINUTE <= self.mark:
                self.close(start)

    def close_all(self):
        self.move(max(self.open) + MINUTE)

    def close(self, start):
        """Windows close in order, so the ones before it are final too."""
        window = self.open.pop(start)
        self.recent[start] = {"count": window["count"], "sum": window["sum"]}
        self.recent = {s: w for s, w in self.recent.items() if s >= start - ROLLING}
        count = sum(w["count"] for w in self.recent.values())
        mean = sum(w["sum"] for w in self.recent.values()) // count
        self.closed[start] = window | {"start": text(start), "mean5": mean}


def check(reading):
    """Fails unless everything is there that add needs."""
    milliseconds(reading["time"])
    reading["milli"] + 0, reading["id"] + reading["device"] + ""


def window_map(stored):
    """JSON has no numbers for keys."""
    return {int(start): window for start, window in stored.items()}


def milliseconds(time):
    return round(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000)


def text(start):
    return datetime.fromtimestamp(start / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
