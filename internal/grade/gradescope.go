package grade

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/pipelab/pipelab/internal/foreign"
)

// metadataFile lies beside the folders of a Gradescope export and says whose
// they are. Its keys are Ruby symbols, which begin with a colon.
const metadataFile = "submission_metadata.yml"

type gradescopeEntry struct {
	Submitters []struct {
		Name  string `yaml:":name"`
		SID   string `yaml:":sid"`
		Email string `yaml:":email"`
	} `yaml:":submitters"`
	Created string `yaml:":created_at"`
}

// readGradescope reads the file of an export, by folder; nil when there is none.
func readGradescope(dir string) (map[string]Found, error) {
	b, err := os.ReadFile(filepath.Join(dir, metadataFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if b, err = foreign.Text(b); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", metadataFile, err)
	}
	var entries map[string]gradescopeEntry
	if err := yaml.Unmarshal(b, &entries); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %s", metadataFile, yaml.FormatError(err, false, false))
	}
	out := map[string]Found{}
	for folder, e := range entries {
		s := Found{submitted: gradescopeTime(e.Created)}
		for _, p := range e.Submitters {
			s.people = append(s.people, []claim{{byID, p.SID}, {byEmail, p.Email}, {"gradescope", p.SID}, {byName, p.Name}})
		}
		if len(s.people) == 0 {
			s.people = [][]claim{{{byID, folder}}}
		}
		out[folder] = s
	}
	return out, nil
}

// gradescopeTime reads the forms that exports have had; zero when it is none.
func gradescopeTime(s string) time.Time {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999 Z", "2006-01-02 15:04:05.999999999 -07:00",
		"2006-01-02 15:04:05.999999999 -0700", time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
