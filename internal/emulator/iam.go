package emulator

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// IAMMode says what becomes of calls that policies do not allow.
type IAMMode string

// The modes.
const (
	IAMOff      IAMMode = "off"      // policies of callers do not matter
	IAMSoft     IAMMode = "soft"     // the trace tells what would have been refused
	IAMEnforces IAMMode = "enforced" // calls are refused, and signatures verified
)

// IAMModes lists them.
func IAMModes() []IAMMode { return []IAMMode{IAMOff, IAMSoft, IAMEnforces} }

// IAM is what becomes of calls that policies do not allow.
func (c *Control) IAM(ctx context.Context) (IAMMode, error) {
	var out struct {
		Mode IAMMode `json:"mode"`
	}
	err := c.do(ctx, http.MethodGet, "/_pipelab/iam", nil, &out)
	return out.Mode, err
}

// SetIAM changes it until the emulator ends.
func (c *Control) SetIAM(ctx context.Context, m IAMMode) error {
	return c.do(ctx, http.MethodPut, "/_pipelab/iam", map[string]IAMMode{"mode": m}, nil)
}

// Enable switches on what an emulator can do, and does only when it is asked, of
// the capabilities with these names: that policies decide.
func Enable(ctx context.Context, e Emulator, names []string) error {
	if !slices.Contains(names, string(IAMEnforced)) || !slices.Contains(e.Capabilities(), IAMEnforced) {
		return nil
	}
	if err := e.Control().SetIAM(ctx, IAMEnforces); err != nil {
		return fmt.Errorf("let policies decide: %w", err)
	}
	return nil
}
