package s3

import (
	"crypto/md5" // by which keys are told apart
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// customerKey reads the key that a request brings for an object, and returns its
// MD5, by which it is known; empty without one. The key itself is not kept.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
func customerKey(algorithm, key, sum *string) (string, error) {
	const requests = "Requests specifying Server Side Encryption with Customer provided keys must provide "
	bad := func(text string) error { return argument("x-amz-server-side-encryption", "null", "%s", text) }
	switch {
	case algorithm == nil && key == nil && sum == nil:
		return "", nil
	case algorithm == nil:
		return "", bad(requests + "a valid encryption algorithm.")
	case *algorithm != "AES256":
		return "", gateway.Errorf(http.StatusBadRequest, "InvalidEncryptionAlgorithmError",
			"The encryption request that you specified is not valid. The valid value is AES256.").
			With("ArgumentName", "x-amz-server-side-encryption", "ArgumentValue", *algorithm)
	case key == nil:
		return "", bad(requests + "an appropriate secret key.")
	case sum == nil:
		return "", bad(requests + "the client calculated MD5 of the secret key.")
	}
	secret, err := base64.StdEncoding.DecodeString(*key)
	if err != nil || len(secret) != 32 {
		return "", bad("The secret key was invalid for the specified algorithm.")
	}
	digest := md5.Sum(secret) // as above
	if base64.StdEncoding.EncodeToString(digest[:]) != *sum {
		return "", bad("The calculated MD5 hash of the key did not match the hash that was provided.")
	}
	return *sum, nil
}

// seal keeps a version under the key that a request has brought. Buckets refuse
// such keys unless they are told not to.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html
func (v *version) seal(b bucket, sse types.ServerSideEncryption, algorithm, key, sum *string) error {
	given, err := customerKey(algorithm, key, sum)
	switch {
	case err != nil || given == "":
		return err
	case sse != "":
		return argument("x-amz-server-side-encryption", string(sse), "Server Side Encryption with Customer provided "+
			"key is incompatible with the encryption method specified")
	case !b.customerKeys():
		return gateway.Errorf(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	v.CustomerKey, v.SSE, v.KMSKey = given, "", ""
	return nil
}

// customerKeys reports whether a bucket takes objects under keys of customers.
func (b bucket) customerKeys() bool {
	if b.Encryption == nil {
		return false
	}
	return slices.ContainsFunc(b.Encryption.Rules, func(r types.ServerSideEncryptionRule) bool {
		return r.BlockedEncryptionTypes != nil && slices.Contains(r.BlockedEncryptionTypes.EncryptionType,
			types.EncryptionTypeNone)
	})
}

// opened refuses to read a version without its key.
func (v version) opened(algorithm, key, sum *string) error {
	given, err := customerKey(algorithm, key, sum)
	if err != nil || given == v.CustomerKey {
		return err
	}
	invalid := func(text string) error { return gateway.Errorf(http.StatusBadRequest, "InvalidRequest", "%s", text) }
	switch {
	case v.CustomerKey == "":
		return invalid("The encryption parameters are not applicable to this object.")
	case given == "":
		return invalid("The object was stored using a form of Server Side Encryption. The correct parameters must be " +
			"provided to retrieve the object.")
	}
	return gateway.Errorf(http.StatusForbidden, "AccessDenied", "Access Denied")
}

// sameKey compares the key of a part with that of its upload.
func (u upload) sameKey(algorithm, key, sum *string) error {
	given, err := customerKey(algorithm, key, sum)
	if err != nil || given == u.Object.CustomerKey {
		return err
	}
	text := "The provided encryption parameters did not match the ones used originally."
	if given == "" {
		text = "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate " +
			"encryption parameters."
	}
	return gateway.Errorf(http.StatusBadRequest, "InvalidRequest", "%s", text)
}

// customerAlgorithm is what an answer says of the encryption under a customer's key.
func (v version) customerAlgorithm() *string {
	if v.CustomerKey == "" {
		return nil
	}
	return ptr("AES256")
}

// unencrypted refuses reads that ask for an encryption, which only writes may.
// Recorded on AWS.
func unencrypted(req *http.Request) error {
	const name = "x-amz-server-side-encryption"
	if req == nil || req.Header.Get(name) == "" {
		return nil
	}
	return argument(name, req.Header.Get(name), "%s header is not supported for this operation.", name)
}
