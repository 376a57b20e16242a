package lambda

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// layer is one version of a layer; version 0 remembers the last number of a
// layer. Its key is the layer's name and the number.
type layer struct {
	Name          string
	Number        int64
	Code          store.Blob
	Sum           string
	Unpacked      int64 // bytes
	Description   string
	License       string
	Created       string
	Runtimes      []types.Runtime
	Architectures []types.Architecture
	Gone          bool  // deleted; functions that use it keep it
	Versions      int64 // of number 0: how many there were
}

func layerKey(name string, number int64) string {
	n := strconv.FormatInt(number, 10)
	return store.Key(name, strings.Repeat("0", 20-len(n))+n)
}

func layerARN(sc ident.Scope, name string) string { return sc.ARN("lambda", "layer:"+name) }

func (l layer) arn(sc ident.Scope) string {
	return layerARN(sc, l.Name) + ":" + strconv.FormatInt(l.Number, 10)
}

// layerName takes a name or an ARN.
func layerName(s string) string {
	if a, err := ident.ParseARN(s); err == nil {
		s = strings.TrimPrefix(a.Resource, "layer:")
		s, _, _ = strings.Cut(s, ":")
	}
	return s
}

// layerByARN finds a layer's version.
func (s *Service) layerByARN(tx *store.Tx, arn string) (layer, error) {
	a, err := ident.ParseARN(arn)
	parts := strings.Split(a.Resource, ":")
	if err != nil || a.Service != "lambda" || len(parts) != 3 || parts[0] != "layer" {
		return layer{}, invalid("The provided layer ARN %s is invalid", arn)
	}
	number, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || number < 1 {
		return layer{}, invalid("The provided layer ARN %s is invalid", arn)
	}
	l, ok := s.layers.Get(tx, a.Scope(), layerKey(parts[1], number))
	if !ok || l.Gone {
		return layer{}, invalid("Layer version %s does not exist.", arn)
	}
	return l, nil
}

// unpackedLayer is the size of the layer with a body.
func (s *Service) unpackedLayer(tx *store.Tx, id string) (size int64) {
	s.layers.ScanAll(tx, func(_ ident.Scope, _ string, l layer) bool {
		if l.Code.ID == id {
			size = l.Unpacked
		}
		return size == 0
	})
	return size
}

func (s *Service) PublishLayerVersion(ctx context.Context,
	in *sdk.PublishLayerVersionInput) (*sdk.PublishLayerVersionOutput, error) {
	code, err := s.fetch(ctx, source{zip: in.Content.ZipFile, bucket: in.Content.S3Bucket, key: in.Content.S3Key,
		version: in.Content.S3ObjectVersion})
	if err != nil {
		return nil, err
	}
	defer code.hold.Release()
	call := gateway.From(ctx)
	l := layer{Name: layerName(*in.LayerName), Code: code.blob, Sum: code.sum, Unpacked: code.unpacked,
		Description: aws.ToString(in.Description),
		License:     aws.ToString(in.LicenseInfo), Created: call.Time.Format(lastModified), Runtimes: in.CompatibleRuntimes,
		Architectures: in.CompatibleArchitectures}
	err = s.host.Store.Update(func(tx *store.Tx) error {
		last, _ := s.layers.Get(tx, call.Scope, layerKey(l.Name, 0)) // zero for a new layer
		last.Name, last.Gone = l.Name, true
		last.Versions++
		l.Number = last.Versions
		s.layers.Put(tx, call.Scope, layerKey(l.Name, 0), last)
		s.layers.Put(tx, call.Scope, layerKey(l.Name, l.Number), l)
		return nil
	})
	return &sdk.PublishLayerVersionOutput{LayerArn: aws.String(layerARN(call.Scope, l.Name)),
		LayerVersionArn: aws.String(l.arn(call.Scope)),
		Version:         l.Number, Description: aws.String(l.Description), LicenseInfo: in.LicenseInfo,
		CreatedDate:        aws.String(l.Created),
		CompatibleRuntimes: l.Runtimes, CompatibleArchitectures: l.Architectures, Content: s.content(l)}, err
}

func (s *Service) content(l layer) *types.LayerVersionContentOutput {
	return &types.LayerVersionContentOutput{CodeSha256: aws.String(l.Sum), CodeSize: l.Code.Size,
		Location: aws.String(s.location(l.Code.ID))}
}

func (s *Service) GetLayerVersion(ctx context.Context, in *sdk.GetLayerVersionInput) (*sdk.GetLayerVersionOutput,
	error) {
	call := gateway.From(ctx)
	name, number := layerName(*in.LayerName), aws.ToInt64(in.VersionNumber)
	var l layer
	err := s.host.Store.View(func(tx *store.Tx) error {
		var ok bool
		if l, ok = s.layers.Get(tx, call.Scope, layerKey(name, max(number, 0))); !ok || l.Gone {
			return notFound("The resource you requested does not exist.")
		}
		return nil
	})
	return &sdk.GetLayerVersionOutput{LayerArn: aws.String(layerARN(call.Scope, name)),
		LayerVersionArn: aws.String(l.arn(call.Scope)),
		Version:         l.Number, Description: aws.String(l.Description), LicenseInfo: optional(l.License),
		CreatedDate:        aws.String(l.Created),
		CompatibleRuntimes: l.Runtimes, CompatibleArchitectures: l.Architectures, Content: s.content(l)}, err
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (s *Service) GetLayerVersionByArn(ctx context.Context,
	in *sdk.GetLayerVersionByArnInput) (*sdk.GetLayerVersionByArnOutput, error) {
	var l layer
	err := s.host.Store.View(func(tx *store.Tx) error {
		var err error
		if l, err = s.layerByARN(tx, *in.Arn); err != nil {
			return notFound("The resource you requested does not exist.")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a, err := ident.ParseARN(*in.Arn)
	if err != nil {
		return nil, err
	}
	return &sdk.GetLayerVersionByArnOutput{LayerArn: aws.String(layerARN(a.Scope(), l.Name)), LayerVersionArn: in.Arn,
		Version:     l.Number,
		Description: aws.String(l.Description), LicenseInfo: optional(l.License), CreatedDate: aws.String(l.Created),
		CompatibleRuntimes: l.Runtimes, CompatibleArchitectures: l.Architectures, Content: s.content(l)}, nil
}

// DeleteLayerVersion implements the operation. Functions that have the layer
// keep it.
func (s *Service) DeleteLayerVersion(ctx context.Context,
	in *sdk.DeleteLayerVersionInput) (*sdk.DeleteLayerVersionOutput, error) {
	call := gateway.From(ctx)
	return &sdk.DeleteLayerVersionOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		key := layerKey(layerName(*in.LayerName), max(aws.ToInt64(in.VersionNumber), 1))
		if l, ok := s.layers.Get(tx, call.Scope, key); ok {
			l.Gone = true
			s.layers.Put(tx, call.Scope, key, l)
		}
		return nil
	})
}

// ListLayerVersions implements the operation, newest first.
func (s *Service) ListLayerVersions(ctx context.Context, in *sdk.ListLayerVersionsInput) (*sdk.ListLayerVersionsOutput,
	error) {
	call := gateway.From(ctx)
	var all []layer
	err := s.host.Store.View(func(tx *store.Tx) error {
		s.layers.ScanBack(tx, call.Scope, store.Key(layerName(*in.LayerName), ""), "", func(_ string, l layer) bool {
			if !l.Gone && l.fits(in.CompatibleRuntime, in.CompatibleArchitecture) {
				all = append(all, l)
			}
			return true
		})
		return nil
	})
	// Markers ascend, so newest first needs the complement of the number.
	some, next := page(all, func(l layer) string { return layerKey("", 1<<62-l.Number) }, in.Marker, in.MaxItems, 50)
	out := &sdk.ListLayerVersionsOutput{NextMarker: next, LayerVersions: []types.LayerVersionsListItem{}}
	for _, l := range some {
		out.LayerVersions = append(out.LayerVersions, l.item(call.Scope))
	}
	return out, err
}

func (l layer) fits(r types.Runtime, a types.Architecture) bool {
	return (r == "" || slices.Contains(l.Runtimes, r)) && (a == "" || slices.Contains(l.Architectures, a))
}

func (l layer) item(sc ident.Scope) types.LayerVersionsListItem {
	return types.LayerVersionsListItem{LayerVersionArn: aws.String(l.arn(sc)), Version: l.Number,
		Description: optional(l.Description),
		LicenseInfo: optional(l.License), CreatedDate: aws.String(l.Created), CompatibleRuntimes: l.Runtimes,
		CompatibleArchitectures: l.Architectures}
}

// ListLayers implements the operation: each layer with its newest version.
func (s *Service) ListLayers(ctx context.Context, in *sdk.ListLayersInput) (*sdk.ListLayersOutput, error) {
	call := gateway.From(ctx)
	var all []layer
	err := s.host.Store.View(func(tx *store.Tx) error {
		s.layers.Scan(tx, call.Scope, "", "", func(_ string, l layer) bool {
			if l.Gone || !l.fits(in.CompatibleRuntime, in.CompatibleArchitecture) {
				return true
			}
			if n := len(all); n > 0 && all[n-1].Name == l.Name {
				all[n-1] = l
			} else {
				all = append(all, l)
			}
			return true
		})
		return nil
	})
	some, next := page(all, func(l layer) string { return l.Name }, in.Marker, in.MaxItems, 50)
	out := &sdk.ListLayersOutput{NextMarker: next, Layers: []types.LayersListItem{}}
	for _, l := range some {
		item := l.item(call.Scope)
		out.Layers = append(out.Layers, types.LayersListItem{LayerName: aws.String(l.Name),
			LayerArn: aws.String(layerARN(call.Scope, l.Name)), LatestMatchingVersion: &item})
	}
	return out, err
}
