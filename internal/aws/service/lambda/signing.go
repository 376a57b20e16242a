package lambda

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/pipelab/pipelab/internal/aws/store"
)

// GetFunctionCodeSigningConfig implements the operation. Configurations for code signing
// are not emulated, so that no function has one: then AWS's answer has no member.
// Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionCodeSigningConfig.html
func (s *Service) GetFunctionCodeSigningConfig(ctx context.Context,
	in *sdk.GetFunctionCodeSigningConfigInput) (*sdk.GetFunctionCodeSigningConfigOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &sdk.GetFunctionCodeSigningConfigOutput{}, s.host.Store.View(func(tx *store.Tx) error {
		if _, ok := s.functions.Get(tx, fn.Scope, fn.Name); !ok {
			return missingFunction(fn.ARN())
		}
		return nil
	})
}
