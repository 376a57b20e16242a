package wire

// objectRoots are the elements around the answers of S3, by output shape. Other names
// follow from the shapes, those of S3 do not, and clients that read a document as it
// comes look for them: to those an answer in another element is an empty one (the AWS
// SDK for Java 1, and with it Hadoop before 3.4).
//
// Source: "Response Syntax" of each operation,
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
var objectRoots = map[string]string{
	"CompleteMultipartUploadOutput":           "CompleteMultipartUploadResult",
	"CreateMultipartUploadOutput":             "InitiateMultipartUploadResult",
	"CreateSessionOutput":                     "CreateSessionResult",
	"DeleteObjectsOutput":                     "DeleteResult",
	"GetBucketAccelerateConfigurationOutput":  "AccelerateConfiguration",
	"GetBucketAclOutput":                      "AccessControlPolicy",
	"GetBucketCorsOutput":                     "CORSConfiguration",
	"GetBucketLifecycleConfigurationOutput":   "LifecycleConfiguration",
	"GetBucketLifecycleOutput":                "LifecycleConfiguration",
	"GetBucketLoggingOutput":                  "BucketLoggingStatus",
	"GetBucketRequestPaymentOutput":           "RequestPaymentConfiguration",
	"GetBucketTaggingOutput":                  "Tagging",
	"GetBucketVersioningOutput":               "VersioningConfiguration",
	"GetBucketWebsiteOutput":                  "WebsiteConfiguration",
	"GetObjectAclOutput":                      "AccessControlPolicy",
	"GetObjectAttributesOutput":               "GetObjectAttributesResponse",
	"GetObjectTaggingOutput":                  "Tagging",
	"ListBucketAnalyticsConfigurationsOutput": "ListBucketAnalyticsConfigurationResult",
	"ListBucketInventoryConfigurationsOutput": "ListInventoryConfigurationsResult",
	"ListBucketMetricsConfigurationsOutput":   "ListMetricsConfigurationsResult",
	"ListBucketsOutput":                       "ListAllMyBucketsResult",
	"ListDirectoryBucketsOutput":              "ListAllMyDirectoryBucketsResult",
	"ListMultipartUploadsOutput":              "ListMultipartUploadsResult",
	"ListObjectVersionsOutput":                "ListVersionsResult",
	"ListObjectsOutput":                       "ListBucketResult",
	"ListObjectsV2Output":                     "ListBucketResult",
	"ListPartsOutput":                         "ListPartsResult",
	"NotificationConfigurationDeprecated":     "NotificationConfiguration",
}

// nameRoots gives the answers of S3 the elements that AWS puts around them.
func (m *Model) nameRoots() {
	for shape, root := range objectRoots {
		if s := m.Shapes[shape]; s != nil {
			s.LocationName = root
		}
	}
}
