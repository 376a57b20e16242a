package toy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
)

// Client does what an SDK's client would.
type Client struct{ cfg aws.Config }

// NewClient returns a client of the service at a configuration's endpoint.
func NewClient(cfg aws.Config) *Client { return &Client{cfg} }

// Call calls an operation; output is a pointer, or nil. A refusal is a
// smithy.APIError.
func (c *Client) Call(ctx context.Context, operation string, input, output any) error {
	b, err := json.Marshal(input)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *c.cfg.BaseEndpoint, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("X-Amz-Target", "Toy_20260101."+operation)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	keys, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	if err := v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), "toy", c.cfg.Region,
		time.Unix(1, 0)); err != nil {
		return err
	}
	resp, err := c.cfg.HTTPClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var refused struct {
			Type    string `json:"__type"`
			Message string
		}
		if err := json.Unmarshal(answer, &refused); err != nil {
			return err
		}
		return &smithy.GenericAPIError{Code: refused.Type, Message: refused.Message}
	}
	if output == nil {
		return nil
	}
	return json.Unmarshal(answer, output)
}
