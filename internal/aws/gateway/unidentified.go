package gateway

import (
	"net/http"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Unidentified are the answers to requests whose sender cannot be made out.
type Unidentified struct {
	Unknown    wire.Fault // a key that nobody issued
	Mismatch   wire.Fault // another signature than that of the key's secret
	Incomplete wire.Fault // a signature that lacks something
	Algorithm  wire.Fault // another way to sign
	Expired    wire.Fault // a session that is over
	Skewed     wire.Fault // a date too far from now; without a message the door words it
	Digest     wire.Fault // a body that is not the one that was signed
}

const (
	wordsInvalid  = "The security token included in the request is invalid."
	wordsMismatch = "The request signature we calculated does not match the signature you provided. Check your AWS " +
		"Secret Access Key and signing method. Consult the service documentation for details."
	wordsIncomplete = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header, and the " +
		"parameters 'Credential', 'Signature' and 'SignedHeaders'."
	wordsExpired = "The security token included in the request is expired"
)

// QueryUnidentified are the answers of services that speak the query protocol,
// or did when they were made.
// Source: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
func QueryUnidentified() Unidentified {
	incomplete := fault(http.StatusBadRequest, "IncompleteSignature", wordsIncomplete)
	mismatch := fault(http.StatusForbidden, "SignatureDoesNotMatch", wordsMismatch)
	return Unidentified{Unknown: fault(http.StatusForbidden, "InvalidClientTokenId", wordsInvalid), Mismatch: mismatch,
		Digest: mismatch, Incomplete: incomplete, Algorithm: incomplete,
		Expired: fault(http.StatusForbidden, "ExpiredToken", wordsExpired),
		Skewed:  fault(http.StatusForbidden, "SignatureDoesNotMatch", "")}
}

func fault(status int, code, message string) wire.Fault {
	return wire.Fault{Code: code, Status: status, Message: message}
}

// unidentified is how the service that a request is for says it: in its own
// words, or in those of its protocol.
// Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html
func (g *Gateway) unidentified(t *wire.Target) Unidentified {
	if own := g.services.Errors(t.Service).Unidentified; own.Unknown.Code != "" {
		return own
	}
	status := http.StatusBadRequest
	switch t.Protocol {
	case wire.Query, wire.EC2Query, wire.RestXML:
		return QueryUnidentified()
	case wire.RestJSON:
		status = http.StatusForbidden
	}
	incomplete := fault(status, "IncompleteSignatureException", wordsIncomplete)
	mismatch := fault(status, "InvalidSignatureException", wordsMismatch)
	return Unidentified{Unknown: fault(status, "UnrecognizedClientException", wordsInvalid), Mismatch: mismatch,
		Digest: mismatch, Incomplete: incomplete, Algorithm: incomplete,
		Expired: fault(status, "ExpiredTokenException", wordsExpired), Skewed: fault(status, "InvalidSignatureException", "")}
}
