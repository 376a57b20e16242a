package provision_test

import "encoding/json"

// sample is the least that a resource of a type needs.
type sample struct {
	before     []given // made first; ${0} is the first one's id, ${0.Arn} an attribute
	properties string  // JSON
	// values are for properties of whose value more is asked than their type tells,
	// by path; two where a property that has to be there is given another value.
	values map[string]any
	// same are properties that rightly change no request, with the reason.
	same map[string]string
}

type given struct{ kind, properties string }

const (
	aRole = `{"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
		"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}}`
	aFunction = `{"Role": "${0.Arn}", "Runtime": "python3.12", "Handler": "index.handler", "Code": {"ZipFile": "def"}}`
	aPolicy   = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}`
)

func function() []given {
	return []given{{"AWS::IAM::Role", aRole}, {"AWS::Lambda::Function", aFunction}}
}

func samples() map[string]sample {
	owned := map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "ObjectWriter"}}}
	return map[string]sample{
		"AWS::Kinesis::Stream": {properties: `{}`, values: map[string]any{"ShardCount": json.Number("2"),
			"RetentionPeriodHours": json.Number("48"), "StreamModeDetails.StreamMode": "ON_DEMAND"}},
		"AWS::Kinesis::StreamConsumer": {before: []given{{"AWS::Kinesis::Stream", `{}`}},
			properties: `{"ConsumerName": "c", "StreamARN": "${0.Arn}"}`},
		"AWS::S3::Bucket": {properties: `{}`, values: map[string]any{
			"OwnershipControls":                                       owned,
			"LifecycleConfiguration.Rules.ExpirationDate":             "2030-01-01T00:00:00Z",
			"LifecycleConfiguration.Rules.Transitions.TransitionDate": "2030-01-01T00:00:00Z",
		}, same: map[string]string{"ObjectLockConfiguration.ObjectLockEnabled": "has one value, which a configuration has"}},
		"AWS::S3::BucketPolicy": {before: []given{{"AWS::S3::Bucket", `{}`}},
			properties: `{"Bucket": "${0}", "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
				"Principal": {"AWS": "000000000000"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::${0}/*"}]}}`},
		"AWS::SQS::Queue": {properties: `{}`},
		"AWS::SQS::QueuePolicy": {before: []given{{"AWS::SQS::Queue", `{}`}},
			properties: `{"Queues": ["${0}"], "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
				"Principal": {"AWS": "000000000000"}, "Action": "sqs:SendMessage", "Resource": "*"}]}}`},
		"AWS::DynamoDB::Table": {properties: `{"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
			"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
			"StreamSpecification": {"StreamViewType": "NEW_IMAGE"}}`, same: map[string]string{
			"AttributeDefinitions":                         "attributes are sent with the index that needs them",
			"AttributeDefinitions.AttributeName":           "as above",
			"GlobalSecondaryIndexes.ProvisionedThroughput": "goes with the billing mode of the table"}},
		"AWS::Logs::LogGroup": {properties: `{}`},
		"AWS::Logs::LogStream": {before: []given{{"AWS::Logs::LogGroup", `{}`}},
			properties: `{"LogGroupName": "${0}"}`},
		"AWS::IAM::Role": {properties: aRole},
		"AWS::IAM::User": {properties: `{}`},
		"AWS::IAM::Policy": {before: []given{{"AWS::IAM::Role", aRole}, {"AWS::IAM::User", `{}`}},
			properties: `{"PolicyName": "p", "Roles": ["${0}"], "PolicyDocument": ` + aPolicy + `}`,
			values:     map[string]any{"Users": []any{"${1}"}}},
		"AWS::IAM::ManagedPolicy": {before: []given{{"AWS::IAM::Role", aRole}, {"AWS::IAM::User", `{}`}},
			properties: `{"PolicyDocument": ` + aPolicy + `}`,
			values:     map[string]any{"Users": []any{"${1}"}, "Roles": []any{"${0}"}}},
		"AWS::IAM::InstanceProfile": {before: []given{{"AWS::IAM::Role", aRole}, {"AWS::IAM::Role", aRole}},
			properties: `{"Roles": ["${0}"]}`, values: map[string]any{"Roles": []any{"${1}"}}},
		"AWS::IAM::AccessKey": {before: []given{{"AWS::IAM::User", `{}`}}, properties: `{"UserName": "${0}"}`,
			values: map[string]any{"Status": "Inactive"}},
		"AWS::Lambda::Function": {before: []given{{"AWS::IAM::Role", aRole}}, properties: aFunction,
			values: map[string]any{"MemorySize": json.Number("256"), "EphemeralStorage.Size": json.Number("1024")}},
		"AWS::Lambda::LayerVersion": {properties: `{"Content": {"LocalPath": "code", "LocalDigest": "packed"}}`,
			same: map[string]string{"Content.LocalPath": "tells from where the code was packed"}},
		"AWS::Lambda::Version": {before: function(), properties: `{"FunctionName": "${1}"}`},
		"AWS::Lambda::Alias": {before: function(),
			properties: `{"FunctionName": "${1}", "Name": "live", "FunctionVersion": "$LATEST"}`},
		"AWS::Lambda::Permission": {before: function(),
			properties: `{"FunctionName": "${1}", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}`},
		"AWS::Lambda::EventSourceMapping": {before: append(function(), given{"AWS::SQS::Queue", `{}`}),
			properties: `{"FunctionName": "${1}", "EventSourceArn": "${2.Arn}"}`},
		"AWS::Lambda::EventInvokeConfig": {before: function(),
			properties: `{"FunctionName": "${1}", "Qualifier": "$LATEST"}`},
	}
}
