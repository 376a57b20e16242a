package dynamodb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// DescribeContinuousBackups implements the operation. Continuous backups are enabled on
// every table from its creation; point-in-time recovery is what can be switched on, and
// is not emulated yet.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeContinuousBackups.html
func (s *Service) DescribeContinuousBackups(ctx context.Context,
	in *dynamodb.DescribeContinuousBackupsInput) (*dynamodb.DescribeContinuousBackupsOutput, error) {
	c, name := gateway.From(ctx), tableName(in.TableName)
	out := &types.ContinuousBackupsDescription{ContinuousBackupsStatus: types.ContinuousBackupsStatusEnabled,
		PointInTimeRecoveryDescription: &types.PointInTimeRecoveryDescription{
			PointInTimeRecoveryStatus: types.PointInTimeRecoveryStatusDisabled}}
	return &dynamodb.DescribeContinuousBackupsOutput{ContinuousBackupsDescription: out},
		s.host.Store.View(func(tx *store.Tx) error {
			if _, ok := s.find(tx, c.Scope, name, c.Time); !ok {
				return &types.TableNotFoundException{Message: aws.String("Table not found: " + name)}
			}
			return nil
		})
}
