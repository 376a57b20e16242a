package lab

// Item is one of the things that the study guide's self-assessment asks:
// can you do it? A lab that names it proves it.
type Item struct {
	ID    string `json:"id"` // F fundamentals, D1 to D4 the domains, I integration, FA to FX the final audit
	Title string `json:"title"`
}

// Checklist returns the items of the self-assessment in its order.
func Checklist() []Item {
	return []Item{
		{"F1", "Tell when to process data in batches and when as a stream"},
		{"F2", "Tell when to use S3, RDS, DynamoDB or Redshift"},
		{"F3", "Explain how IAM, VPC and KMS play together"},
		{"F4", "Tell structured, semi-structured and unstructured data apart"},
		{"F5", "Follow data through a whole pipeline"},
		{"F6", "Say what each group of services is for"},
		{"F7", "Explain what the cloud is and what it brings"},
		{"D1a", "Choose between Kinesis Data Streams, Data Firehose and MSK"},
		{"D1b", "Choose between ETL and ELT"},
		{"D1c", "Design a Step Functions workflow of several steps"},
		{"D1d", "Make SQL on large data fast"},
		{"D1e", "Write simple CloudFormation or CDK"},
		{"D1f", "Use partitioning and MapReduce"},
		{"D1g", "Put a data pipeline under CI/CD"},
		{"D2a", "Choose S3 storage classes by access and cost"},
		{"D2b", "Choose between Redshift, DynamoDB and RDS"},
		{"D2c", "Design the structure of a catalogue"},
		{"D2d", "Write lifecycle policies that meet cost and business needs"},
		{"D2e", "Model data for the questions that are asked of it"},
		{"D2f", "Let schemas evolve"},
		{"D3a", "Automate with Lambda, Step Functions and MWAA"},
		{"D3b", "Choose between Athena, QuickSight and others"},
		{"D3c", "Monitor with CloudWatch"},
		{"D3d", "Keep audit trails with CloudTrail"},
		{"D3e", "Check the quality of data: complete, accurate, consistent"},
		{"D3f", "Find what is wrong with a pipeline"},
		{"D4a", "Authenticate with IAM, roles and federation"},
		{"D4b", "Authorise by role and by attribute"},
		{"D4c", "Encrypt with KMS and otherwise"},
		{"D4d", "Mask and anonymise data"},
		{"D4e", "Log for audits and watch compliance"},
		{"D4f", "Meet regulations with controls"},
		{"I1", "Design an architecture that spans all four domains"},
		{"I2", "Join ingestion, storage, processing and security"},
		{"I3", "Choose patterns of integration"},
		{"I4", "Balance performance and cost across services"},
		{"I5", "Run and monitor a complex platform"},
		{"FA1", "Audit: Data Streams, Firehose, MSK"},
		{"FA2", "Audit: ETL and ELT"},
		{"FA3", "Audit: the design of Step Functions"},
		{"FA4", "Audit: Glue jobs that are fast and cheap"},
		{"FA5", "Audit: EMR, and when rather Glue"},
		{"FA6", "Audit: events with EventBridge"},
		{"FA7", "Audit: fast SQL"},
		{"FA8", "Audit: CloudFormation and CDK"},
		{"FB1", "Audit: S3 storage classes"},
		{"FB2", "Audit: Redshift, DynamoDB, RDS, Athena"},
		{"FB3", "Audit: a data model for each store"},
		{"FB4", "Audit: lifecycle policies"},
		{"FB5", "Audit: catalogue and crawlers"},
		{"FB6", "Audit: partitions"},
		{"FB7", "Audit: schemas that evolve in each store"},
		{"FC1", "Audit: automation with Lambda, MWAA, Step Functions"},
		{"FC2", "Audit: Athena, QuickSight, EMR"},
		{"FC3", "Audit: monitoring with CloudWatch and CloudTrail"},
		{"FC4", "Audit: finding what is wrong"},
		{"FC5", "Audit: data quality"},
		{"FC6", "Audit: alarms, and repair without people"},
		{"FD1", "Audit: IAM, roles, federation"},
		{"FD2", "Audit: access by role and by attribute"},
		{"FD3", "Audit: encryption at rest and in transit"},
		{"FD4", "Audit: masking and anonymising"},
		{"FD5", "Audit: Lake Formation"},
		{"FD6", "Audit: logs for audits, compliance"},
		{"FX1", "Audit: an architecture from end to end"},
		{"FX2", "Audit: security everywhere"},
		{"FX3", "Audit: cost across services"},
		{"FX4", "Audit: patterns of integration and what they cost"},
	}
}

// ChecklistItem finds an item.
func ChecklistItem(id string) (Item, bool) {
	for _, i := range Checklist() {
		if i.ID == id {
			return i, true
		}
	}
	return Item{}, false
}
