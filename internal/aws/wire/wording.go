package wire

import "net/http"

// Fault is an error as a service words it. Status 0 is 400; an empty Message
// leaves the text to who finds the fault.
type Fault struct {
	Code    string
	Status  int
	Message string
}

// say makes an error of the fault; text is used where it has no message.
func (f Fault) say(text string) *Error {
	if f.Status == 0 {
		f.Status = http.StatusBadRequest
	}
	if f.Message == "" {
		f.Message = text
	}
	return &Error{Code: f.Code, Status: f.Status, Message: f.Message}
}

// MalformedXML is what restXml answers to a document that it cannot read.
func MalformedXML() Fault {
	return Fault{Code: "MalformedXML",
		Message: "The XML you provided was not well-formed or did not validate against our published schema"}
}

// ErrorNames are the namespaces in front of the names of errors, with their "#".
type ErrorNames struct {
	Own    string            // of the errors of the model
	Common string            // of all others
	Named  map[string]string // by code, whole names of errors that go by others
}

// name is the name of an error in a document.
func (n ErrorNames) name(code string, modelled bool) string {
	if whole := n.Named[code]; whole != "" {
		return whole
	}
	if modelled {
		return n.Own + code
	}
	return n.Common + code
}

// Wording is how one service answers requests that break its model, where
// services of one protocol differ. The zero value answers as most do.
type Wording struct {
	// Invalid is the answer to input that breaks a constraint: without one,
	// ValidationException, in the query protocol ValidationError.
	Invalid Fault
	// Missing answers, in its place, input without a required member; its text has %s
	// for the member's name.
	Missing Fault
	// InvalidChoice answers, in its place, one value that is not of its enum;
	// its text has no count in front.
	InvalidChoice Fault
	// InvalidChoices answers input with which nothing is wrong but such values.
	InvalidChoices Fault
	// Malformed is the answer to a document that cannot be read.
	Malformed Fault
	// SeveralMembers is the answer to a union with more than one member: without it,
	// that to a document that cannot be read.
	SeveralMembers Fault
	// BadParameter is the code of a header, label or query parameter that
	// cannot be read: without one, InvalidArgument.
	BadParameter string
	// Failed is the answer when we fail, without one InternalFailure.
	Failed Fault
	// Old are the codes and statuses of errors from before the service spoke
	// another protocol, by the names of their shapes, where they differ from the
	// rule (the name, 400). Clients that know the old ones still get them.
	Old map[string]Fault
	// Choices are the values of enums, by the names of their shapes, in the order in
	// which the service lists them where that is not the model's.
	Choices map[string][]string
	// Names qualify the names of errors in JSON. Services whose errors are named so do
	// not repeat the name in a header.
	Names ErrorNames
	// Sums has every answer in JSON carry the CRC-32 of its body, X-Amz-Crc32.
	Sums bool
	// Spelling is how clients from before the move spell requests.
	Spelling *Spelling
	// OnlyRequired checks no more than that the required members of the body are
	// there: the service has an error of its own for each bad value.
	OnlyRequired bool
}
