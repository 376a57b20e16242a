package cfn

import "slices"

// functionRole collects what a function may do, for the role that the
// transform makes.
type functionRole struct {
	x        *serverless
	of       *ResourceDef
	arns     []*Node
	inline   []*Node // entries of the role's Policies
	assume   *Node
	name     *Node
	boundary *Node
}

const managedPrefix = "arn:aws:iam::aws:policy/"

// managed attaches one of AWS's service role policies once.
func (f *functionRole) managed(name string, pos Pos) {
	f.attach(textNode(pos, managedPrefix+"service-role/"+name))
}

func (f *functionRole) attach(n *Node) {
	same := func(o *Node) bool { return n.Kind == String && o.Kind == String && o.Scalar == n.Scalar }
	if !slices.ContainsFunc(f.arns, same) {
		f.arns = append(f.arns, n)
	}
}

func (f *functionRole) statement(name string, pos Pos, actions []string, resources ...*Node) {
	list := listNode(pos)
	for _, a := range actions {
		list.Items = append(list.Items, textNode(pos, a))
	}
	stmt := mapNode(pos, "Effect", "Allow", "Action", list, "Resource", listNode(pos, resources...))
	f.document(name, mapNode(pos, "Version", "2012-10-17", "Statement", listNode(pos, stmt)))
}

func (f *functionRole) document(name string, doc *Node) {
	f.inline = append(f.inline, mapNode(doc.Pos, "PolicyName", textNode(doc.Pos, f.of.LogicalID+"Role"+name),
		"PolicyDocument", doc))
}

func (f *functionRole) make() {
	pos := f.of.Pos
	assume := f.assume
	if assume == nil {
		assume = mapNode(pos, "Version", "2012-10-17", "Statement", listNode(pos, mapNode(pos,
			"Effect", "Allow", "Principal", mapNode(pos, "Service", listNode(pos, textNode(pos, "lambda.amazonaws.com"))),
			"Action", listNode(pos, textNode(pos, "sts:AssumeRole")))))
	}
	arns := append([]*Node{textNode(pos, managedPrefix+"service-role/AWSLambdaBasicExecutionRole")}, f.arns...)
	props := mapNode(pos, "AssumeRolePolicyDocument", assume, "ManagedPolicyArns", listNode(pos, arns...),
		"RoleName", f.name, "PermissionsBoundary", f.boundary)
	if len(f.inline) > 0 {
		props.set("Policies", listNode(pos, f.inline...))
	}
	f.x.make(f.of, f.of.LogicalID+"Role", "AWS::IAM::Role", props)
}

// policies reads the Policies property: ARNs, names of AWS policies, policy
// documents and policy templates, alone or in a list.
func (f *functionRole) policies(n *Node) {
	items := []*Node{n}
	if n.Kind == List {
		items = n.Items
	}
	for i, it := range items {
		switch {
		case it.Kind == String && len(it.Scalar) > 4 && it.Scalar[:4] == "arn:":
			f.attach(it)
		case it.Kind == String:
			prefix := managedPrefix
			if len(it.Scalar) > 9 && it.Scalar[:9] == "AWSLambda" {
				prefix += "service-role/"
			}
			f.attach(textNode(it.Pos, prefix+it.Scalar))
		case it.Kind == Func:
			f.attach(it)
		case it.Kind == Map && it.Get("Statement") != nil:
			if it.Get("Version") == nil {
				it = it.clone()
				it.set("Version", textNode(it.Pos, "2012-10-17"))
			}
			f.document("Policy"+string(rune('0'+i%10)), it)
		case it.Kind == Map && len(it.Fields) == 1:
			f.template(i, it.Fields[0])
		default:
			f.x.t.problems.Add(it, "write an ARN, a document with Statement, or a policy template", "this is no policy")
		}
	}
}

// policyTemplate says what a SAM policy template allows: its parameter, the
// service and resource prefix of the ARN, and the actions.
type policyTemplate struct {
	param   string
	service string // "" when the ARN has no account, as for S3
	prefix  string
	suffix  []string // resources under the ARN, "" for itself
	actions []string
}

// policyTemplates are the templates for the services emulated here.
// Source:
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-template-list.html
func policyTemplates() map[string]policyTemplate {
	s3 := func(actions ...string) policyTemplate {
		return policyTemplate{param: "BucketName", service: "s3", suffix: []string{"", "/*"}, actions: actions}
	}
	table := func(actions ...string) policyTemplate {
		return policyTemplate{param: "TableName", service: "dynamodb", prefix: "table/", suffix: []string{"", "/index/*"},
			actions: actions}
	}
	read := []string{"dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem",
		"dynamodb:DescribeTable"}
	write := []string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"}
	return map[string]policyTemplate{
		"S3ReadPolicy": s3("s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:GetObjectVersion",
			"s3:GetLifecycleConfiguration"),
		"S3WritePolicy": s3("s3:PutObject", "s3:PutObjectAcl", "s3:PutLifecycleConfiguration"),
		"S3CrudPolicy": s3("s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:GetObjectVersion", "s3:PutObject",
			"s3:PutObjectAcl", "s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration", "s3:DeleteObject"),
		"DynamoDBReadPolicy":  table(read...),
		"DynamoDBWritePolicy": table(write...),
		"DynamoDBCrudPolicy": table(append(append([]string{"dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"}, read...),
			write...)...),
		"DynamoDBReconfigurePolicy": table("dynamodb:UpdateTable"),
		"DynamoDBStreamReadPolicy": {param: "TableName", service: "dynamodb", prefix: "table/", suffix: []string{"/stream/*"},
			actions: []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
				"dynamodb:ListStreams"}},
		"KinesisStreamReadPolicy": {param: "StreamName", service: "kinesis", prefix: "stream/", suffix: []string{""},
			actions: []string{"kinesis:ListStreams", "kinesis:DescribeLimits", "kinesis:DescribeStream",
				"kinesis:DescribeStreamSummary",
				"kinesis:GetRecords", "kinesis:GetShardIterator"}},
		"KinesisCrudPolicy": {param: "StreamName", service: "kinesis", prefix: "stream/", suffix: []string{""},
			actions: []string{"kinesis:AddTagsToStream", "kinesis:CreateStream", "kinesis:DecreaseStreamRetentionPeriod",
				"kinesis:DeleteStream", "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
				"kinesis:GetShardIterator", "kinesis:IncreaseStreamRetentionPeriod", "kinesis:ListTagsForStream",
				"kinesis:MergeShards", "kinesis:PutRecord", "kinesis:PutRecords", "kinesis:SplitShard",
				"kinesis:RemoveTagsFromStream"}},
		"SQSSendMessagePolicy": {param: "QueueName", service: "sqs", suffix: []string{""},
			actions: []string{"sqs:SendMessage*"}},
		"SQSPollerPolicy": {param: "QueueName", service: "sqs", suffix: []string{""},
			actions: []string{"sqs:ChangeMessageVisibility", "sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessage",
				"sqs:DeleteMessageBatch", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}},
		"LambdaInvokePolicy": {param: "FunctionName", service: "lambda", prefix: "function:", suffix: []string{"*"},
			actions: []string{"lambda:InvokeFunction"}},
	}
}

func (f *functionRole) template(i int, field Field) {
	templates := policyTemplates()
	p, ok := templates[field.Key]
	if !ok {
		var names []string
		for n := range templates {
			names = append(names, n)
		}
		f.x.t.problems.add(field.Pos, nearest(field.Key, names), "policy template %s is not supported", field.Key)
		return
	}
	arg := field.Value.Get(p.param)
	if arg == nil {
		f.x.t.problems.add(field.Pos, "", "policy template %s: parameter %s is required", field.Key, p.param)
		return
	}
	base := "arn:${AWS::Partition}:" + p.service + ":${AWS::Region}:${AWS::AccountId}:" + p.prefix + "${name}"
	if p.service == "s3" {
		base = "arn:${AWS::Partition}:s3:::${name}"
	}
	var resources []*Node
	for _, suffix := range p.suffix {
		resources = append(resources, funcNode(field.Pos, "Fn::Sub",
			listNode(field.Pos, textNode(field.Pos, base+suffix), mapNode(field.Pos, "name", arg))))
	}
	f.statement("Policy"+string(rune('0'+i%10)), field.Pos, p.actions, resources...)
}
