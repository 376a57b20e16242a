package lambda

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/runtime"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

// Service is AWS Lambda. Make one with New.
type Service struct {
	*worker.Worker
	host      *gateway.Host
	mappings  *esm.Mappings
	fleet     *runtime.Fleet
	functions *store.Collection[function]
	versions  *store.Collection[version] // by name and version, $LATEST among them
	aliases   *store.Collection[alias]
	policies  *store.Collection[permissions]
	configs   *store.Collection[invokeConfig]
	layers    *store.Collection[layer]

	folders folders
	signing []byte // what signs the locations of code; those of an earlier run are void

	mu    sync.Mutex
	slots map[slot]int // invocations under way
}

// slot counts the invocations of a function.
type slot struct {
	scope ident.Scope
	name  string
}

// function is what all versions of a function share. Its key is its name.
type function struct {
	Name     string
	Tags     map[string]string
	Reserved *int32 // concurrency; nil for none
	Next     int64  // number of the next version
	// Recursion says what becomes of loops; empty for the default.
	Recursion types.RecursiveLoop `json:",omitempty"`
}

// version is one version of a function. Its key is the function's name and the
// version.
type version struct {
	Config types.FunctionConfiguration
	Code   store.Blob
	Layers []string // bodies of the layers, first to last
	// Unpacked is the size of code and layers, in bytes.
	Unpacked int64
	Ready    time.Time
	Updated  time.Time // end of the last update
	// Early is the revision until then; Config has the one that follows.
	Early string `json:",omitempty"`
}

// latest is the version that can be changed.
const latest = "$LATEST"

// New returns the service on a host.
func New(h *gateway.Host) *Service {
	s := new(Service)
	h.Store.Retire("lambda.events", s.takeOver)
	*s = Service{
		Worker:   worker.New("lambda", h.Clock, h.Log, nil),
		host:     h,
		mappings: esm.New(h),
		fleet: runtime.NewFleet(h.Clock, runtime.Machine{Scratch: h.Scratch, Endpoint: h.Endpoint,
			Interpreters: h.Interpreters, Confine: h.Confine}),
		functions: store.NewCollection[function](h.Store, "lambda.functions"),
		versions:  store.NewCollection(h.Store, "lambda.versions", store.WithBlobs(bodiesOf)),
		aliases:   store.NewCollection[alias](h.Store, "lambda.aliases"),
		policies:  store.NewCollection[permissions](h.Store, "lambda.policies"),
		configs:   store.NewCollection[invokeConfig](h.Store, "lambda.invokeConfigs"),
		layers: store.NewCollection(h.Store, "lambda.layers", store.WithBlobs(func(l layer) []string {
			return []string{l.Code.ID}
		})),
		slots:   map[slot]int{},
		folders: folders{kept: map[string]*folder{}},
		signing: []byte(h.IDs.Hex(64)),
	}
	return s
}

// Start implements gateway.Service: mappings go on.
func (s *Service) Start(ctx context.Context) error {
	if err := s.Worker.Start(ctx); err != nil {
		return err
	}
	s.fleet.Open()
	s.sweep() // after a reset or a restore there may be other versions
	return s.mappings.Start(ctx)
}

// Stop implements gateway.Service: functions under way are killed.
func (s *Service) Stop() {
	s.Cancel()
	s.mappings.Stop()
	s.fleet.Close()
	s.Worker.Stop()
}

func limit(name string) int64 { return limits.Get("lambda", name) }

// bodiesOf are the stored bodies that a version is made of.
func bodiesOf(v version) []string {
	return append([]string{v.Code.ID}, v.Layers...)
}
