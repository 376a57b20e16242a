package grade

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/pipelab/pipelab/internal/report"
)

// judged is what came of one submission, but for points, dates and people:
// those may change without running anything again.
type judged struct {
	Key string `json:"key"`
	// Deploy says why it could not be deployed, Problem what went wrong that is
	// no fault of the submission's.
	Deploy  string         `json:"deploy,omitempty"`
	Problem string         `json:"problem,omitempty"`
	Result  *report.Result `json:"result,omitempty"`
	// Seeds are numbers that might be seeds, which checks have seen.
	Seeds   []sighting `json:"seeds,omitempty"`
	Retried bool       `json:"retried,omitempty"`
	// Deadline is the one that it had, for verdicts that depend on it.
	Deadline time.Duration `json:"deadline"`
	Timing   Timing        `json:"timing"`
}

// sighting is a number that might be a seed, and where it was.
type sighting struct {
	Seed  uint64 `json:"seed"`
	Where string `json:"where"`
}

// Timing is what no two runs have in common. It is kept out of the gradebook.
type Timing struct {
	Learner string           `json:"learner"`
	Lab     string           `json:"lab"`
	Source  string           `json:"source"`
	Millis  int64            `json:"millis"` // from opening the emulator to the last verdict
	Checks  map[string]Spent `json:"checks,omitempty"`
	Kept    bool             `json:"kept,omitempty"` // from an earlier run
}

// Spent is what a check took.
type Spent struct {
	Millis int64 `json:"millis"`
	Calls  int   `json:"calls"` // API calls, the pipeline's and the check's
}

// trusted reports whether a result stands: running the submission again could
// tell nothing new. A deadline that passed may have done so since the machine
// was busy.
func (j *judged) trusted() bool {
	if j.Problem != "" {
		return false
	}
	if j.Result == nil {
		return j.Deploy != ""
	}
	for _, c := range j.Result.Checks {
		if c.Verdict == report.Timeout {
			return false
		}
	}
	_, _, final := j.Result.Score()
	return final
}

// Cache keeps trusted results by what they depend on. The zero value keeps
// nothing.
type Cache struct{ Dir string }

func (c Cache) file(key string) string { return filepath.Join(c.Dir, key[:2], key+".json") }

// cacheRule counts the ways in which a submission has been told from another. Results
// of an earlier one may be another submission's.
//
//	1: the files that a learner sees; what ran could hold others
//	2: exactly the files that run
const cacheRule = "2\n"

// Renew drops results that were kept by an earlier rule, and returns how many.
func (c Cache) Renew() (dropped int, err error) {
	if c.Dir == "" {
		return 0, nil
	}
	rule := filepath.Join(c.Dir, "rule")
	if b, err := os.ReadFile(rule); err == nil && string(b) == cacheRule {
		return 0, nil
	}
	old, err := filepath.Glob(filepath.Join(c.Dir, "[0-9a-f][0-9a-f]", "*.json"))
	if err != nil {
		return 0, err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return dropped, err
		}
		dropped++
	}
	return dropped, writeFile(rule, func(w io.Writer) error {
		_, err := io.WriteString(w, cacheRule)
		return err
	})
}

// get returns a result that is kept. A file that cannot be read is as good as
// none.
func (c Cache) get(key string) (judged, bool) {
	if c.Dir == "" {
		return judged{}, false
	}
	b, err := os.ReadFile(c.file(key))
	var j judged
	if err != nil || json.Unmarshal(b, &j) != nil || j.Key != key || !j.trusted() {
		return judged{}, false
	}
	return j, true
}

// put keeps a result. Whatever its error is, that a result cannot be kept costs
// time and no grade.
func (c Cache) put(j judged) error {
	if c.Dir == "" || !j.trusted() {
		return nil
	}
	return writeFile(c.file(j.Key), func(w io.Writer) error { return json.NewEncoder(w).Encode(j) })
}
