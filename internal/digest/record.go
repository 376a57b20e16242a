package digest

import "hash/fnv"

// Fingerprint tells records of a pipeline apart in a trace that holds many of them: 32
// bits of FNV-1a of a record's id, which is the id of a message, or what InShard
// returns. Two records of a batch of a hundred have the same one in a millionth of all
// cases, so it is for showing and not for judging.
func Fingerprint(id string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return h.Sum32()
}

// InShard is the id of a record of a stream: numbers are a shard's own.
func InShard(shard, sequence string) string { return shard + "/" + sequence }
