PATH="$CLIENT_HOME/bin:$PATH"
mkdir in && seq 1000 > in/a.txt && head -c 9000000 /dev/urandom > in/b.bin
aws s3 mb s3://lake
aws s3 sync in s3://lake/raw
aws s3 mv s3://lake/raw/a.txt s3://lake/done/a.txt
aws s3 cp s3://lake/raw/b.bin out.bin && cmp in/b.bin out.bin
test "$(curl -s "$(aws s3 presign s3://lake/done/a.txt)" | tail -1)" = 1000
test "$(aws s3 ls s3://lake --recursive | wc -l)" = 2
aws kinesis create-stream --stream-name clicks --shard-count 2
aws kinesis wait stream-exists --stream-name clicks
aws kinesis put-record --stream-name clicks --partition-key p --data aGk= > /dev/null
aws dynamodb create-table --table-name orders --billing-mode PAY_PER_REQUEST \
	--key-schema AttributeName=id,KeyType=HASH --attribute-definitions AttributeName=id,AttributeType=S > /dev/null
aws dynamodb wait table-exists --table-name orders
aws dynamodb put-item --table-name orders --item '{"id": {"S": "1"}, "n": {"N": "5"}}'
test "$(aws dynamodb scan --table-name orders --query 'Items[0].n.N' --output text)" = 5
sqs() { aws --endpoint-url "$AWS_ENDPOINT_URL" sqs "$@"; }
url=$(sqs create-queue --queue-name jobs --query QueueUrl --output text)
sqs send-message --queue-url "$url" --message-body hello > /dev/null
test "$(sqs receive-message --queue-url "$url" --query 'Messages[0].Body' --output text)" = hello
cat > template.yaml <<'T'
Parameters: { Seconds: { Type: Number } }
Resources: { Jobs: { Type: AWS::SQS::Queue, Properties: { VisibilityTimeout: !Ref Seconds } } }
Outputs: { Url: { Value: !Ref Jobs } }
T
for seconds in 30 60; do
	aws cloudformation deploy --stack-name app --template-file template.yaml --parameter-overrides Seconds=$seconds
	url=$(aws cloudformation describe-stacks --stack-name app --query 'Stacks[0].Outputs[0].OutputValue' --output text)
	test "$(sqs get-queue-attributes --queue-url "$url" --attribute-names VisibilityTimeout \
		--query Attributes.VisibilityTimeout --output text)" = $seconds
done
aws cloudformation deploy --stack-name app --template-file template.yaml --tags team=data
aws cloudformation delete-stack --stack-name app
aws cloudformation wait stack-delete-complete --stack-name app
aws s3 rb s3://lake --force > /dev/null
