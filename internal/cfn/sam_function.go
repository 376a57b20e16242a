package cfn

// function expands AWS::Serverless::Function.
// Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
func (x *serverless) function(r *ResourceDef) {
	p := x.merged(r, "Function")
	out := mapNode(p.Pos)
	made := *r
	made.Type, made.Properties = "AWS::Lambda::Function", out
	role := &functionRole{x: x, of: r}
	x.add(&made)
	for _, f := range p.Fields {
		switch f.Key {
		case "CodeUri":
			out.set("Code", x.code(f.Value))
		case "InlineCode":
			out.set("Code", mapNode(f.Pos, "ZipFile", f.Value))
		case "DeadLetterQueue":
			x.deadLetters(f, out, role)
		case "Tags":
			out.set("Tags", tagList(f.Value))
		case "Policies":
			role.policies(f.Value)
		case "EventInvokeConfig":
			x.invokeConfig(r, f, role)
		case "Events", "AssumeRolePolicyDocument", "RoleName", "PermissionsBoundary":
		case "FunctionName", "Handler", "Runtime", "Description", "MemorySize", "Timeout", "Role", "Environment", "Layers",
			"ReservedConcurrentExecutions", "Architectures", "EphemeralStorage", "LoggingConfig", "PackageType",
			"RecursiveLoop":
			out.set(f.Key, f.Value)
		case "Tracing":
			out.set("TracingConfig", mapNode(f.Pos, "Mode", f.Value))
		default:
			x.unsupported(r, f, functionProperties()...)
		}
	}
	x.events(r, p.Get("Events"), role)
	if out.Get("Code") == nil {
		x.t.problems.add(r.Pos, "add CodeUri: ./folder", "function %s has neither CodeUri nor InlineCode", r.LogicalID)
	}
	if p.Get("Role") != nil {
		return // a role of their own: policies of the function have nowhere to go, as in SAM
	}
	role.assume, role.name, role.boundary = p.Get("AssumeRolePolicyDocument"), p.Get("RoleName"),
		p.Get("PermissionsBoundary")
	role.make()
	out.set("Role", getAtt(r.Pos, r.LogicalID+"Role", "Arn"))
}

func functionProperties() []string {
	return []string{"CodeUri", "InlineCode", "DeadLetterQueue", "Tags", "Policies", "EventInvokeConfig", "Events",
		"AssumeRolePolicyDocument", "RoleName", "PermissionsBoundary", "FunctionName", "Handler", "Runtime", "Description",
		"MemorySize", "Timeout", "Role", "Environment", "Layers", "ReservedConcurrentExecutions", "Architectures",
		"EphemeralStorage", "LoggingConfig", "PackageType", "RecursiveLoop", "Tracing"}
}

func getAtt(pos Pos, id, attr string) *Node {
	return funcNode(pos, "Fn::GetAtt", listNode(pos, textNode(pos, id), textNode(pos, attr)))
}

func refNode(pos Pos, id string) *Node { return funcNode(pos, "Ref", textNode(pos, id)) }

func (x *serverless) deadLetters(f Field, out *Node, role *functionRole) {
	target := f.Value.Get("TargetArn")
	typ := f.Value.Get("Type").Text()
	if target == nil || typ != "SQS" {
		x.t.problems.Add(f.Value, "write {Type: SQS, TargetArn: …}", "DeadLetterQueue needs Type SQS and a TargetArn")
		return
	}
	out.set("DeadLetterConfig", mapNode(f.Pos, "TargetArn", target))
	role.statement("DeadLetterQueue", f.Pos, []string{"sqs:SendMessage"}, target)
}

func (x *serverless) invokeConfig(r *ResourceDef, f Field, role *functionRole) {
	props := mapNode(f.Pos, "FunctionName", refNode(f.Pos, r.LogicalID), "Qualifier", "$LATEST")
	for _, a := range f.Value.Fields {
		switch a.Key {
		case "MaximumEventAgeInSeconds", "MaximumRetryAttempts":
			props.set(a.Key, a.Value)
		case "DestinationConfig":
			dest := mapNode(a.Pos)
			for _, d := range a.Value.Fields {
				target := d.Value.Get("Destination")
				if target == nil {
					x.t.problems.add(d.Pos, "name an existing queue or function in Destination",
						"a destination that SAM makes itself is not supported")
					continue
				}
				dest.set(d.Key, mapNode(d.Pos, "Destination", target))
				actions := map[string]string{"SQS": "sqs:SendMessage", "Lambda": "lambda:InvokeFunction"}
				if action := actions[d.Value.Get("Type").Text()]; action != "" {
					role.statement("Destination"+d.Key, d.Pos, []string{action}, target)
				} else {
					x.t.problems.add(d.Pos, "SQS or Lambda", "destination type %q is not supported", d.Value.Get("Type").Text())
				}
			}
			props.set("DestinationConfig", dest)
		default:
			x.unsupported(r, a, "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "DestinationConfig")
		}
	}
	x.make(r, r.LogicalID+"EventInvokeConfig", "AWS::Lambda::EventInvokeConfig", props)
}

func (x *serverless) events(r *ResourceDef, events *Node, role *functionRole) {
	if events == nil {
		return
	}
	for _, e := range events.Fields {
		props := e.Value.Get("Properties")
		if props == nil {
			props = mapNode(e.Pos)
		}
		switch typ := e.Value.Get("Type").Text(); typ {
		case "S3":
			x.s3Event(r, e, props)
		case "SQS":
			role.managed("AWSLambdaSQSQueueExecutionRole", e.Pos)
			x.mapping(r, e, props, "Queue")
		case "Kinesis":
			role.managed("AWSLambdaKinesisExecutionRole", e.Pos)
			x.mapping(r, e, props, "Stream")
		case "DynamoDB":
			role.managed("AWSLambdaDynamoDBExecutionRole", e.Pos)
			x.mapping(r, e, props, "Stream")
		default:
			x.t.problems.add(e.Pos, nearest(typ, []string{"S3", "SQS", "Kinesis", "DynamoDB"}),
				"event type %q of %s is not supported", typ, r.LogicalID)
		}
	}
}

// mapping makes an event source mapping of an event.
func (x *serverless) mapping(r *ResourceDef, e Field, props *Node, source string) {
	out := mapNode(e.Pos, "FunctionName", refNode(e.Pos, r.LogicalID))
	for _, f := range props.Fields {
		switch f.Key {
		case source:
			out.set("EventSourceArn", f.Value)
		case "Queue", "Stream":
			x.t.problems.add(f.Pos, "did you mean "+source+"?", "event %s has no property %s", e.Key, f.Key)
		default:
			out.set(f.Key, f.Value) // checked as properties of the mapping
		}
	}
	if out.Get("EventSourceArn") == nil {
		x.t.problems.add(e.Pos, "", "event %s: property %s is required", e.Key, source)
		return
	}
	x.make(r, r.LogicalID+e.Key, "AWS::Lambda::EventSourceMapping", out)
}

// s3Event adds a notification to a bucket of the same template, and the
// permission that the bucket needs before it can be told of the function.
func (x *serverless) s3Event(r *ResourceDef, e Field, props *Node) {
	bucket := props.Get("Bucket")
	if bucket == nil || bucket.Kind != Func || bucket.Func != "Ref" {
		x.t.problems.add(e.Pos, "write Bucket: !Ref and a bucket of this template",
			"event %s must refer to a bucket of the same template", e.Key)
		return
	}
	id := r.LogicalID + e.Key + "Permission"
	x.make(r, id, "AWS::Lambda::Permission", mapNode(e.Pos, "Action", "lambda:InvokeFunction",
		"FunctionName", refNode(e.Pos, r.LogicalID), "Principal", "s3.amazonaws.com",
		"SourceAccount", refNode(e.Pos, "AWS::AccountId")))
	events := props.Get("Events")
	if events == nil {
		x.t.problems.add(e.Pos, "write Events: s3:ObjectCreated:*", "event %s: property Events is required", e.Key)
		return
	}
	x.later = append(x.later, func() {
		b := x.t.Resource(bucket.Arg().Text())
		if b == nil || b.Type != "AWS::S3::Bucket" {
			x.t.problems.Add(bucket, "", "event %s: %q is no AWS::S3::Bucket of this template", e.Key, bucket.Arg().Text())
			return
		}
		x.notify(b, id, e, events, props.Get("Filter"), getAtt(e.Pos, r.LogicalID, "Arn"))
	})
}

func (x *serverless) notify(b *ResourceDef, permission string, e Field, events, filter, function *Node) {
	if b.Properties == nil || b.Properties.Kind != Map {
		b.Properties = mapNode(b.Pos)
	}
	config := b.Properties.Get("NotificationConfiguration")
	if config == nil {
		config = mapNode(e.Pos)
		b.Properties.set("NotificationConfiguration", config)
	}
	list := config.Get("LambdaConfigurations")
	if list == nil {
		list = listNode(e.Pos)
		config.set("LambdaConfigurations", list)
	}
	names := []*Node{events}
	if events.Kind == List {
		names = events.Items
	}
	for _, name := range names {
		list.Items = append(list.Items, mapNode(e.Pos, "Event", name, "Function", function, "Filter", filter))
	}
	b.DependsOn = append(b.DependsOn, permission)
	b.dependsOn = append(b.dependsOn, textNode(e.Pos, permission))
}
