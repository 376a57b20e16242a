package awstest

// QueuePolicy lets a service send to a queue: the attribute Policy that S3's
// notifications need, and the like.
func QueuePolicy(service string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service +
		`"},"Action":"sqs:SendMessage","Resource":"*"}]}`
}

// Trust is the trust policy of a role for one principal, given as JSON:
// {"Service":"lambda.amazonaws.com"}.
func Trust(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal +
		`,"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}`
}
