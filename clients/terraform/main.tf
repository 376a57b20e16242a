# Thirty resources of the services that labs use, as a team would write them.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "retention_hours" {
  type    = number
  default = 24
}

provider "aws" {
  s3_use_path_style = true
  default_tags { tags = { project = "orders" } }
}

data "aws_caller_identity" "me" {}

resource "aws_s3_bucket" "lake" {
  bucket        = "orders-lake-${data.aws_caller_identity.me.account_id}"
  force_destroy = true
}
resource "aws_s3_bucket_versioning" "lake" {
  bucket = aws_s3_bucket.lake.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
  }
}
resource "aws_s3_bucket_public_access_block" "lake" {
  bucket                  = aws_s3_bucket.lake.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket_ownership_controls" "lake" {
  bucket = aws_s3_bucket.lake.id
  rule { object_ownership = "BucketOwnerEnforced" }
}
resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket     = aws_s3_bucket.lake.id
  depends_on = [aws_s3_bucket_versioning.lake]
  rule {
    id     = "old"
    status = "Enabled"
    filter { prefix = "raw/" }
    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }
    expiration { days = 365 }
  }
}
resource "aws_s3_bucket_cors_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["https://example.com"]
  }
}
resource "aws_s3_bucket_policy" "lake" {
  bucket     = aws_s3_bucket.lake.id
  depends_on = [aws_s3_bucket_public_access_block.lake]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid = "TLS", Effect = "Deny", Principal = "*", Action = "s3:*",
      Resource  = [aws_s3_bucket.lake.arn, "${aws_s3_bucket.lake.arn}/*"],
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
resource "aws_s3_object" "readme" {
  bucket  = aws_s3_bucket.lake.id
  key     = "README.txt"
  content = "orders, kept ${var.retention_hours} hours in the stream"
}

resource "aws_kinesis_stream" "orders" {
  name             = "orders"
  shard_count      = 2
  retention_period = var.retention_hours
}
resource "aws_kinesis_stream" "clicks" {
  name = "clicks"
  stream_mode_details { stream_mode = "ON_DEMAND" }
}
resource "aws_kinesis_stream_consumer" "fan" {
  name       = "fan"
  stream_arn = aws_kinesis_stream.orders.arn
}

resource "aws_dynamodb_table" "orders" {
  name             = "orders"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  range_key        = "at"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"
  attribute {
    name = "id"
    type = "S"
  }
  attribute {
    name = "at"
    type = "N"
  }
  attribute {
    name = "customer"
    type = "S"
  }
  global_secondary_index {
    name            = "by-customer"
    hash_key        = "customer"
    range_key       = "at"
    projection_type = "ALL"
  }
  ttl {
    attribute_name = "expires"
    enabled        = true
  }
}
resource "aws_dynamodb_table" "counters" {
  name           = "counters"
  hash_key       = "name"
  read_capacity  = 5
  write_capacity = 5
  attribute {
    name = "name"
    type = "S"
  }
}
resource "aws_dynamodb_table_item" "first" {
  table_name = aws_dynamodb_table.counters.name
  hash_key   = aws_dynamodb_table.counters.hash_key
  item       = jsonencode({ name = { S = "orders" }, value = { N = "0" } })
}

resource "aws_sqs_queue" "dead" { name = "orders-dead" }
resource "aws_sqs_queue" "orders" {
  name                       = "orders"
  visibility_timeout_seconds = 60
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 3 })
}
resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url            = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.orders.arn] })
}
resource "aws_sqs_queue" "fifo" {
  name                        = "orders.fifo"
  fifo_queue                  = true
  content_based_deduplication = true
}
resource "aws_sqs_queue_policy" "orders" {
  queue_url = aws_sqs_queue.orders.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Principal = { Service = "s3.amazonaws.com" }, Action = "sqs:SendMessage",
      Resource  = aws_sqs_queue.orders.arn,
      Condition = { ArnEquals = { "aws:SourceArn" = aws_s3_bucket.lake.arn } }
    }]
  })
}
resource "aws_s3_bucket_notification" "lake" {
  bucket     = aws_s3_bucket.lake.id
  depends_on = [aws_sqs_queue_policy.orders]
  queue {
    queue_arn     = aws_sqs_queue.orders.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "raw/"
  }
}

data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}
resource "aws_iam_role" "consumer" {
  name               = "orders-consumer"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}
resource "aws_iam_policy" "read" {
  name = "orders-read"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = ["kinesis:Get*", "kinesis:Describe*", "kinesis:List*"],
      Resource = aws_kinesis_stream.orders.arn
    }]
  })
}
resource "aws_iam_role_policy_attachment" "read" {
  role       = aws_iam_role.consumer.name
  policy_arn = aws_iam_policy.read.arn
}
resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.consumer.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}
resource "aws_iam_role_policy" "write" {
  name = "write"
  role = aws_iam_role.consumer.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "dynamodb:PutItem", Resource = aws_dynamodb_table.orders.arn }]
  })
}
resource "aws_iam_instance_profile" "worker" {
  name = "orders-worker"
  role = aws_iam_role.consumer.name
}

resource "aws_cloudwatch_log_group" "consumer" {
  name              = "/aws/lambda/orders-consumer"
  retention_in_days = 7
}
resource "aws_lambda_function" "consumer" {
  function_name    = "orders-consumer"
  role             = aws_iam_role.consumer.arn
  runtime          = "python3.12"
  handler          = "app.handler"
  filename         = "${path.module}/consumer.zip"
  source_code_hash = filebase64sha256("${path.module}/consumer.zip")
  environment { variables = { TABLE = aws_dynamodb_table.orders.name, HOURS = var.retention_hours } }
  depends_on = [aws_cloudwatch_log_group.consumer]
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.consumer.function_name
  function_version = "$LATEST"
}
resource "aws_lambda_permission" "s3" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.consumer.function_name
  principal     = "s3.amazonaws.com"
  source_arn    = aws_s3_bucket.lake.arn
}
resource "aws_lambda_event_source_mapping" "orders" {
  event_source_arn  = aws_kinesis_stream.orders.arn
  function_name     = aws_lambda_function.consumer.arn
  starting_position = "LATEST"
  batch_size        = 50
}
resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn = aws_sqs_queue.orders.arn
  function_name    = aws_lambda_function.consumer.arn
}
