package grade

import (
	"cmp"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// named is what the name of a file or folder says of a submission.
type named struct {
	claims  []claim // who, the most certain first
	attempt int     // 0: it does not say
	late    bool    // the learning system marks it so
	marks   bool    // the learning system marks what is late
	file    string  // what the learner called the file; empty for folders
	group   string  // files of one group are one submission; empty: none
	receipt bool    // it is the system's own record of the submission, and none of its files
	// submitted is when the learning system took it; zero: it does not say.
	submitted time.Time
}

// The names that learning systems give to what they let teachers download.
type namingRules struct {
	canvas, moodle, blackboard, attempt, number *regexp.Regexp

	zone *time.Location // of times in names
}

// newNamingRules reads times in names as those of a zone; nil is UTC.
func newNamingRules(zone *time.Location) *namingRules {
	if zone == nil {
		zone = time.UTC
	}
	return &namingRules{
		zone: zone,
		// Canvas: family and first name in one word, LATE, the user's id, the file's
		// id, the file's name.
		canvas: regexp.MustCompile(`^([^_]+)(_LATE)?_(\d+)_(\d+)_(.+)$`),
		// Moodle: full name, the participant's number, the plugin, and, for files
		// that are not in folders, the file's name.
		moodle: regexp.MustCompile(`^(.+)_(\d+)_assignsubmission_(?:file|onlinetext)(?:_(.*))?$`),
		// Blackboard: the assignment, the user name, when the server took it, and the file's
		// name; without one it is the server's record of the attempt.
		blackboard: regexp.MustCompile(`^(.+)_([^_]+)_attempt_(\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2})(?:_(.+)|\.txt)$`),
		// ada-attempt-2, ada_try2, ada (2)
		attempt: regexp.MustCompile(`(?i)^(.*?)[\s._-]*(?:\((\d{1,3})\)|(?:attempt|try|version)[\s._-]?(\d{1,3}))$`),
		// ada-2, which may as well be a name
		number: regexp.MustCompile(`^(.+)[\s._-]v?(\d{1,2})$`),
	}
}

// read tells what a name in a class's folder means.
func (n *namingRules) read(name string, folder bool) named {
	if m := n.canvas.FindStringSubmatch(name); m != nil {
		out := named{claims: []claim{{"canvas", m[3]}, {byName, m[1]}, {byID, m[1]}}, late: m[2] != "", marks: true,
			file: m[5], group: "canvas " + m[1] + " " + m[3]}
		if strings.EqualFold(m[1], "anonymous") {
			out.claims = out.claims[:1]
		}
		return out
	}
	if m := n.moodle.FindStringSubmatch(name); m != nil {
		return named{claims: []claim{{"moodle", m[2]}, {byName, m[1]}, {byID, m[1]}}, file: m[3], group: "moodle " + m[1] +
			" " + m[2]}
	}
	if m := n.blackboard.FindStringSubmatch(name); m != nil && !folder {
		if at, err := time.ParseInLocation("2006-01-02-15-04-05", m[3], n.zone); err == nil {
			return named{claims: []claim{{"login", m[2]}, {byID, m[2]}, {byLocal, m[2]}}, submitted: at.UTC(),
				receipt: m[4] == "", file: cmp.Or(m[4], name), group: "blackboard " + m[2] + " " + m[3]}
		}
	}
	stem := strings.TrimSuffix(name, ".git")
	if !folder {
		stem = stemOf(name)
	}
	out := named{}
	if m := n.attempt.FindStringSubmatch(stem); m != nil {
		out.attempt, _ = strconv.Atoi(m[2] + m[3]) // digits only
		stem = m[1]
	}
	out.claims = plainClaims(stem)
	return out
}

// plainClaims are what a name can be when no system made it.
func plainClaims(stem string) []claim {
	if stem == "" {
		return nil
	}
	claims := []claim{{byID, stem}, {byEmail, stem}, {"login", stem}, {"github", stem}, {"canvas", stem}, {"moodle", stem},
		{"gradescope", stem}, {byName, stem}, {byLocal, stem}}
	// GitHub Classroom clones into assignment-username; both may hold hyphens.
	for i := range len(stem) {
		if stem[i] == '-' {
			claims = append(claims, claim{"github", stem[i+1:]})
		}
	}
	return claims
}

// numbered is the name without a number at its end, for names that mean nobody
// as they are.
func (n *namingRules) numbered(stem string) (shorter string, attempt int) {
	m := n.number.FindStringSubmatch(stem)
	if m == nil {
		return "", 0
	}
	attempt, _ = strconv.Atoi(m[2]) // digits only
	return m[1], attempt
}

// archives are the ends of names that are unpacked.
func archives() []string { return []string{".zip", ".tar.gz", ".tgz", ".tar"} }

// isArchive goes by the name.
func isArchive(name string) bool {
	return stemOf(name) != name && !strings.EqualFold(filepath.Ext(name), ".git")
}

// stemOf is a name without what says that it is an archive or a repository.
func stemOf(name string) string {
	lower := strings.ToLower(name)
	for _, end := range append(archives(), ".git") {
		if strings.HasSuffix(lower, end) && len(lower) > len(end) {
			return name[:len(name)-len(end)]
		}
	}
	return name
}
