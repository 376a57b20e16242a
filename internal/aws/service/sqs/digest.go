package sqs

import (
	"crypto/md5" // the API's checksum
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func digest(b []byte) string {
	sum := md5.Sum(b) // as above
	return hex.EncodeToString(sum[:])
}

// attributesDigest is the checksum over message attributes that clients
// compare: names in order, each with its type and value, all lengths in four
// bytes; nil without attributes.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
func attributesDigest(attrs map[string]types.MessageAttributeValue) *string {
	if len(attrs) == 0 {
		return nil
	}
	var b []byte
	add := func(s string) {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	} // at most 1 MiB
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		v := attrs[name]
		add(name)
		add(aws.ToString(v.DataType))
		if strings.HasPrefix(aws.ToString(v.DataType), "Binary") {
			b = append(b, 2)
			add(string(v.BinaryValue))
		} else {
			b = append(b, 1)
			add(aws.ToString(v.StringValue))
		}
	}
	return aws.String(digest(b))
}
