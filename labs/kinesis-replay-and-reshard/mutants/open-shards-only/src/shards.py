"""Reads a stream that may be resharded: every shard to its tip, parents first."""

END = "END"  # the place behind the last record of a closed shard


def pages(kinesis, stream: str, places: dict, first: dict, limit: int):
    """Yields (shard, records, place), one page of each shard in turn.

    places says how far earlier runs have come in each shard: the sequence number
    of the last record that was dealt with, or END. A shard without a place is
    read from `first`, a position as GetShardIterator wants it. The place that is
    yielded, None for nowhere yet, may be kept as soon as the records are dealt
    with. It ends when every shard is read to its tip.
    """
    places, iterators, tips = dict(places), {}, set()
    listed = shards(kinesis, stream)
    while True:
        turn = [shard for shard in ready(listed, places) if shard not in tips]
        if not turn:
            return
        for shard in turn:
            start = position(places.get(shard), first)
            page = read(kinesis, stream, shard, iterators.get(shard), start, limit)
            if page["Records"]:
                places[shard] = page["Records"][-1]["SequenceNumber"]
            iterators[shard] = page.get("NextShardIterator")
            if iterators[shard] is None:
                places[shard] = END
                listed = shards(kinesis, stream)  # its children may be new
            elif page["MillisBehindLatest"] == 0:
                tips.add(shard)
            yield shard, page["Records"], places.get(shard)


def shards(kinesis, stream: str) -> list:
    found, request = [], {"StreamName": stream}
    while True:
        answer = kinesis.list_shards(**request)
        found += answer["Shards"]
        if "NextToken" not in answer:
            return found
        request = {"NextToken": answer["NextToken"]}


def ready(listed: list, places: dict) -> list:
    """The shards that may be read now.

    A shard waits for both of its parents: what they hold came before it. A
    parent that is not listed any more has expired with all its records.
    """
    out = []
    for shard in listed:
        if "EndingSequenceNumber" not in shard["SequenceNumberRange"]:
            out.append(shard["ShardId"])
    return out


def position(place: str | None, first: dict) -> dict:
    if place is None:
        return first
    return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": place}


def read(kinesis, stream: str, shard: str, iterator: str | None, start: dict, limit: int) -> dict:
    """One page. An iterator lives five minutes; the place it came from lives on."""
    if iterator:
        try:
            return kinesis.get_records(ShardIterator=iterator, Limit=limit)
        except kinesis.exceptions.ExpiredIteratorException:
            pass
    while True:
        iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, **start)["ShardIterator"]
        try:
            return kinesis.get_records(ShardIterator=iterator, Limit=limit)
        except kinesis.exceptions.ExpiredIteratorException:
            pass
