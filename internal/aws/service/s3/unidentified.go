package s3

import (
	"net/http"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// unidentified are S3's answers to requests whose sender cannot be made out.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func unidentified() gateway.Unidentified {
	fault := func(status int, code, message string) wire.Fault {
		return wire.Fault{Code: code, Status: status, Message: message}
	}
	return gateway.Unidentified{
		Unknown: fault(http.StatusForbidden, "InvalidAccessKeyId",
			"The AWS Access Key Id you provided does not exist in our records."),
		Mismatch: fault(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not "+
			"match the signature you provided. Check your key and signing method."),
		Incomplete: fault(http.StatusBadRequest, "AuthorizationHeaderMalformed",
			"The authorization header that you provided is not valid."),
		Algorithm: fault(http.StatusBadRequest, "InvalidRequest",
			"The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."),
		Expired: fault(http.StatusBadRequest, "ExpiredToken", "The provided token has expired."),
		Skewed: fault(http.StatusForbidden, "RequestTimeTooSkewed",
			"The difference between the request time and the current time is too large."),
		Digest: fault(http.StatusBadRequest, "XAmzContentSHA256Mismatch",
			"The provided 'x-amz-content-sha256' header does not match what was computed."),
	}
}
