package s3

import (
	"context"
	"reflect"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

// everywhere holds all buckets: names are unique over accounts and regions.
var everywhere = ident.Scope{}

// Service is the embedded S3. Make it with New.
type Service struct {
	*worker.Worker
	host     *gateway.Host
	buckets  *store.Collection[bucket]
	objects  *store.Collection[entry]
	versions *store.Collection[version] // all but the newest of each key
	places   *store.Collection[uint64]  // orders of versions whose ids do not say them
	uploads  *store.Collection[upload]
	partRows *store.Collection[part]
	tasks    *store.Collection[task]
}

// New makes the service and registers its collections.
func New(h *gateway.Host) *Service {
	s := &Service{host: h}
	s.buckets = store.NewCollection[bucket](h.Store, "s3.buckets")
	s.objects = store.NewCollection(h.Store, "s3.objects", store.WithBlobs(entryBlobs),
		store.WithUpgrade[entry](1, s.upgradeEntry))
	s.versions = store.NewCollection(h.Store, "s3.versions", store.WithBlobs(versionBlobs))
	s.places = store.NewCollection[uint64](h.Store, "s3.places")
	s.uploads = store.NewCollection(h.Store, "s3.uploads", store.WithUpgrade[upload](1, s.upgradeUpload))
	s.partRows = store.NewCollection(h.Store, "s3.parts", store.WithBlobs(partBlobs))
	s.tasks = store.NewCollection[task](h.Store, "s3.tasks")
	h.Store.Retire("s3.deliveries", s.takeOver)
	s.Worker = worker.New("s3", h.Clock, h.Log, s.resume)
	return s
}

// setChecksum fills the member of an output that carries a checksum.
func setChecksum(out any, sum checksum) {
	if sum.Algorithm == "" {
		return
	}
	v := reflect.ValueOf(out).Elem()
	value := sum.Value
	v.FieldByName("Checksum" + sum.Algorithm).Set(reflect.ValueOf(&value))
	if t := v.FieldByName("ChecksumType"); t.IsValid() {
		t.SetString(sum.Type)
	}
}

func limit(name string) int64 { return limits.Get("s3", name) }

// resume lets lifecycle rules act at midnight.
func (s *Service) resume(context.Context) error {
	if err := s.planBuckets(); err != nil {
		return err
	}
	s.midnight()
	return nil
}
