package wire

import (
	"reflect"

	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	dynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	streams "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	iam "github.com/aws/aws-sdk-go-v2/service/iam/types"
	kinesis "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	lambda "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	s3 "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// unionVariants lists the SDK's member structs of a union: Go cannot find the
// implementations of an interface, so they are named here. A test walks every
// model and fails on a union that is missing.
func unionVariants(union reflect.Type) []reflect.Type {
	switch union {
	case reflect.TypeFor[dynamodb.AttributeValue]():
		return variants(dynamodb.AttributeValueMemberB{}, dynamodb.AttributeValueMemberBOOL{},
			dynamodb.AttributeValueMemberBS{}, dynamodb.AttributeValueMemberL{}, dynamodb.AttributeValueMemberM{},
			dynamodb.AttributeValueMemberN{}, dynamodb.AttributeValueMemberNS{}, dynamodb.AttributeValueMemberNULL{},
			dynamodb.AttributeValueMemberS{}, dynamodb.AttributeValueMemberSS{})
	case reflect.TypeFor[streams.AttributeValue]():
		return variants(streams.AttributeValueMemberB{}, streams.AttributeValueMemberBOOL{},
			streams.AttributeValueMemberBS{}, streams.AttributeValueMemberL{}, streams.AttributeValueMemberM{},
			streams.AttributeValueMemberN{}, streams.AttributeValueMemberNS{}, streams.AttributeValueMemberNULL{},
			streams.AttributeValueMemberS{}, streams.AttributeValueMemberSS{})
	case reflect.TypeFor[s3.AnalyticsFilter]():
		return variants(s3.AnalyticsFilterMemberAnd{}, s3.AnalyticsFilterMemberPrefix{}, s3.AnalyticsFilterMemberTag{})
	case reflect.TypeFor[s3.MetricsFilter]():
		return variants(s3.MetricsFilterMemberAccessPointArn{}, s3.MetricsFilterMemberAnd{},
			s3.MetricsFilterMemberPrefix{}, s3.MetricsFilterMemberTag{})
	case reflect.TypeFor[s3.ObjectEncryption]():
		return variants(s3.ObjectEncryptionMemberSSEKMS{})
	case reflect.TypeFor[s3.SelectObjectContentEventStream]():
		return variants(s3.SelectObjectContentEventStreamMemberCont{}, s3.SelectObjectContentEventStreamMemberEnd{},
			s3.SelectObjectContentEventStreamMemberProgress{}, s3.SelectObjectContentEventStreamMemberRecords{},
			s3.SelectObjectContentEventStreamMemberStats{})
	case reflect.TypeFor[iam.PolicyIdentifier]():
		return variants(iam.PolicyIdentifierMemberInlinePolicyIdentifier{}, iam.PolicyIdentifierMemberPolicyArn{},
			iam.PolicyIdentifierMemberPolicyType{})
	case reflect.TypeFor[kinesis.SubscribeToShardEventStream]():
		return variants(kinesis.SubscribeToShardEventStreamMemberSubscribeToShardEvent{})
	case reflect.TypeFor[lambda.InvokeWithResponseStreamResponseEvent]():
		return variants(lambda.InvokeWithResponseStreamResponseEventMemberInvokeComplete{},
			lambda.InvokeWithResponseStreamResponseEventMemberPayloadChunk{})
	case reflect.TypeFor[logs.StartLiveTailResponseStream]():
		return variants(logs.StartLiveTailResponseStreamMemberSessionStart{},
			logs.StartLiveTailResponseStreamMemberSessionUpdate{})
	case reflect.TypeFor[logs.IntegrationDetails]():
		return variants(logs.IntegrationDetailsMemberOpenSearchIntegrationDetails{})
	case reflect.TypeFor[logs.ResourceConfig]():
		return variants(logs.ResourceConfigMemberOpenSearchResourceConfig{})
	case reflect.TypeFor[logs.GetLogObjectResponseStream]():
		return variants(logs.GetLogObjectResponseStreamMemberFields{})
	}
	return nil
}

func variants(members ...any) []reflect.Type {
	out := make([]reflect.Type, len(members))
	for i, m := range members {
		out[i] = reflect.TypeOf(m)
	}
	return out
}
