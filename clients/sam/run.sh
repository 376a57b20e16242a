PATH="$CLIENT_HOME/bin:$PATH"
export SAM_CLI_TELEMETRY=0
mkdir app && printf 'import os\n\n\ndef handler(event, context):\n    return {"word": os.environ["WORD"]}\n' > app/app.py
template() {
	cat > template.yaml <<T
Transform: AWS::Serverless-2016-10-31
Resources:
  Answer:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: app
      Handler: app.handler
      Runtime: python$(python3 -c 'import sys; print("3.%d" % sys.version_info[1])')
      Environment: { Variables: { WORD: $1 } }
      Policies: [{ SQSPollerPolicy: { QueueName: !GetAtt Jobs.QueueName } }]
      Events: { Jobs: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn } } }
  Jobs: { Type: AWS::SQS::Queue, Properties: { VisibilityTimeout: 60 } }
Outputs: { Name: { Value: !Ref Answer } }
T
}
for word in first second; do
	template $word
	sam build > build.log 2>&1 || { cat build.log; exit 1; }
	sam deploy --stack-name app --resolve-s3 --capabilities CAPABILITY_IAM --no-confirm-changeset --no-progressbar
	sam remote invoke --stack-name app Answer | grep $word
done
sam delete --stack-name app --no-prompts
