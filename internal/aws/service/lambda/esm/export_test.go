package esm

import "github.com/pipelab/pipelab/internal/aws/ident"

// Checkpoints are the sequence numbers up to which shards are done with.
func (m *Mappings) Checkpoints(uuid string) map[string]string {
	out := map[string]string{}
	scope := ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}
	for shard, p := range m.progressOf(workerKey{scope, uuid}) {
		out[shard] = p.Position.Seq
	}
	return out
}
