package lambda

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// codePath is where archives of functions and layers are read.
const codePath = "/_aws/lambda/code/"

// locationLife is how long the location of an archive is good.
// Source: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html and
// API_GetFunction.html: "a link ... that's valid for 10 minutes".
const locationLife = 10 * time.Minute

func (s *Service) doors() []gateway.Door {
	return []gateway.Door{{Path: codePath, Handler: http.HandlerFunc(s.serveCode)}}
}

// location is a URL of an archive that whoever has it may read.
func (s *Service) location(blob string) string {
	until := strconv.FormatInt(s.host.Clock.Now().Add(locationLife).Unix(), 10)
	return s.host.Endpoint() + codePath + blob + "?Expires=" + until + "&Signature=" + s.sign(blob, until)
}

func (s *Service) sign(blob, until string) string {
	mac := hmac.New(sha256.New, s.signing)
	_, _ = io.WriteString(mac, blob+"\n"+until) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))
}

// serveCode answers at a location, with the codes that S3 has for presigned URLs.
func (s *Service) serveCode(w http.ResponseWriter, r *http.Request) {
	blob, q := strings.TrimPrefix(r.URL.Path, codePath), r.URL.Query()
	until, err := strconv.ParseInt(q.Get("Expires"), 10, 64)
	switch {
	case err != nil || !hmac.Equal([]byte(q.Get("Signature")), []byte(s.sign(blob, q.Get("Expires")))):
		s3Error(w, http.StatusForbidden, "SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided.")
		return
	case s.host.Clock.Now().Unix() > until:
		s3Error(w, http.StatusForbidden, "AccessDenied", "Request has expired")
		return
	}
	var hold *store.Hold
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		hold = tx.Hold(blob)
		return nil
	})
	defer hold.Release()
	body, err := s.host.Store.OpenBlob(blob)
	if err != nil {
		s3Error(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	}
	defer body.Close()
	w.Header().Set("Content-Type", "application/zip")
	http.ServeContent(w, r, "", time.Time{}, body)
}

func s3Error(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+ // who has gone needs no answer
		"<Error><Code>"+code+"</Code><Message>"+text+"</Message></Error>")
}
