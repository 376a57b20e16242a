package workspace

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// Daemon describes the process that runs for a workspace, as it wrote itself
// down: the embedded emulator, or the proxy in front of another one. It may have
// died since.
type Daemon struct {
	PID   int    `json:"pid"`
	URL   string `json:"url"`
	Token string `json:"token"`
	// Dir is the workspace's folder when it was started; empty in those that older
	// releases wrote. A folder that was moved since has another.
	Dir string `json:"dir,omitempty"`
	// Idle is the time without use after which it ends, as a duration's text; "0s" never.
	Idle string `json:"idle,omitempty"`
	// Capabilities are what the emulator can do.
	Capabilities []string `json:"capabilities,omitempty"`
}

// Daemon reads daemon.json; ok is false when the workspace has none.
func (w *Workspace) Daemon() (d Daemon, ok bool, err error) {
	b, err := os.ReadFile(w.Path("daemon.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return Daemon{}, false, nil
	}
	if err != nil {
		return Daemon{}, false, err
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return Daemon{}, false, nil // half written by a dying process: as good as none
	}
	return d, true, nil
}

// SaveDaemon writes daemon.json, readable by its owner only: it holds the
// token that commands the emulator.
func (w *Workspace) SaveDaemon(d Daemon) error { return writeJSON(w.Path("daemon.json"), d) }

// ForgetDaemon removes daemon.json.
func (w *Workspace) ForgetDaemon() error {
	err := os.Remove(w.Path("daemon.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
