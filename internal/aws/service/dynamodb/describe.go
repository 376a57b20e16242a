package dynamodb

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// describe is the TableDescription.
//
// AWS: item counts and sizes are refreshed about every six hours; here they
// are always exact.
func (s *Service) describe(tx *store.Tx, sc ident.Scope, t *Table, now time.Time) *types.TableDescription {
	held, _ := s.counts.Get(tx, sc, t.Key)
	out := &types.TableDescription{
		TableName: aws.String(t.Name), TableId: aws.String(t.ID), TableArn: aws.String(t.arn(sc)),
		TableStatus: t.status(now), CreationDateTime: aws.Time(t.Created), KeySchema: t.Schema.sdk(),
		ProvisionedThroughput:     t.Provided.sdk(),
		ItemCount:                 aws.Int64(held.Items),
		TableSizeBytes:            aws.Int64(held.Bytes),
		DeletionProtectionEnabled: aws.Bool(t.Protected),
	}
	for _, a := range t.Attributes {
		out.AttributeDefinitions = append(out.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(a.Name), AttributeType: types.ScalarAttributeType(a.Type)})
	}
	if t.OnDemand {
		out.BillingModeSummary = &types.BillingModeSummary{
			BillingMode: types.BillingModePayPerRequest, LastUpdateToPayPerRequestDateTime: aws.Time(t.OnDemandAt)}
	} else if !t.OnDemandAt.IsZero() {
		out.BillingModeSummary = &types.BillingModeSummary{
			BillingMode: types.BillingModeProvisioned, LastUpdateToPayPerRequestDateTime: aws.Time(t.OnDemandAt)}
	}
	if t.Class != "" {
		out.TableClassSummary = &types.TableClassSummary{TableClass: types.TableClass(t.Class)}
	}
	if t.Stream != nil {
		out.LatestStreamArn, out.LatestStreamLabel = aws.String(t.Stream.ARN(sc)), aws.String(t.Stream.Label)
		if t.Stream.Closed.IsZero() {
			out.StreamSpecification = &types.StreamSpecification{
				StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(t.Stream.View)}
		}
	}
	for _, ix := range t.Indexes {
		if !ix.GoneAt.IsZero() && !now.Before(ix.GoneAt) {
			continue
		}
		s.describeIndex(tx, sc, t, ix, now, out)
	}
	return out
}

func (s *Service) describeIndex(tx *store.Tx, sc ident.Scope, t *Table, ix *Index, now time.Time,
	out *types.TableDescription) {
	held, _ := s.counts.Get(tx, sc, ix.prefix(t))
	arn := aws.String(t.arn(sc) + "/index/" + ix.Name)
	pr := &types.Projection{ProjectionType: types.ProjectionType(ix.Projection), NonKeyAttributes: ix.NonKey}
	if !ix.Global {
		out.LocalSecondaryIndexes = append(out.LocalSecondaryIndexes, types.LocalSecondaryIndexDescription{
			IndexName: aws.String(ix.Name), IndexArn: arn, KeySchema: ix.Schema.sdk(), Projection: pr,
			ItemCount: aws.Int64(held.Items), IndexSizeBytes: aws.Int64(held.Bytes)})
		return
	}
	d := types.GlobalSecondaryIndexDescription{
		IndexName: aws.String(ix.Name), IndexArn: arn, KeySchema: ix.Schema.sdk(), Projection: pr,
		ItemCount: aws.Int64(held.Items), IndexSizeBytes: aws.Int64(held.Bytes),
		IndexStatus: ix.status(now), ProvisionedThroughput: ix.Provided.sdk(),
	}
	if d.IndexStatus == types.IndexStatusCreating && !now.Before(t.ActiveAt) {
		d.Backfilling = aws.Bool(true)
	}
	out.GlobalSecondaryIndexes = append(out.GlobalSecondaryIndexes, d)
}

func (t *Table) arn(sc ident.Scope) string { return sc.ARN("dynamodb", "table/"+t.Name) }

func (p Throughput) sdk() *types.ProvisionedThroughputDescription {
	out := &types.ProvisionedThroughputDescription{
		ReadCapacityUnits: aws.Int64(p.Read), WriteCapacityUnits: aws.Int64(p.Write), NumberOfDecreasesToday: aws.Int64(0)}
	if !p.Increased.IsZero() {
		out.LastIncreaseDateTime = aws.Time(p.Increased)
	}
	if !p.Decreased.IsZero() {
		out.LastDecreaseDateTime = aws.Time(p.Decreased)
	}
	return out
}
