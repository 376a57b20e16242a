package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli"
	"github.com/pipelab/pipelab/internal/cli/app"
)

// answer is what a command did.
type answer struct {
	code     int
	out, err string
}

// terminal runs commands in an empty folder, in a surrounding of its own.
type terminal struct{ environ []string }

func newTerminal(t *testing.T, environ ...string) *terminal {
	t.Helper()
	t.Chdir(t.TempDir())
	keys := filepath.Join(t.TempDir(), "keys")
	return &terminal{append([]string{"PIPELAB_KEYS=" + keys, "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		"PIPELAB_STATE=" + t.TempDir()},
		environ...)}
}

func (c *terminal) run(args ...string) answer {
	var out, problems bytes.Buffer
	code := cli.Main(args, strings.NewReader(""), &out, &problems, c.environ, time.Now)
	return answer{code, out.String(), problems.String()}
}

// commands lists every command by its words, as completion tells them.
func (c *terminal) commands(t *testing.T, under ...string) (all [][]string) {
	t.Helper()
	a := c.run(append(append([]string{"__complete"}, under...), "")...)
	require.Equal(t, app.ExitOK, a.code, a.err)
	for _, line := range strings.Split(a.out, "\n") {
		name, short, ok := strings.Cut(line, "\t")
		if !ok || short == "" || name == "help" || name == "completion" || !regexp.MustCompile(`^[a-z]+$`).MatchString(name) {
			continue
		}
		words := append(append([]string{}, under...), name)
		help := c.run(append(words, "--help")...)
		if !strings.Contains(help.out, "pipelab "+strings.Join(words, " ")) {
			continue // a completion of an argument, no command
		}
		all = append(all, words)
		if strings.Contains(help.out, "Available Commands:") {
			all = append(all, c.commands(t, words...)...)
		}
	}
	return all
}

// Whatever is wrong with a command line, whichever command it is: one error, where
// to read how it goes, exit code 2, and nothing on standard output.
func TestCommands_refuseWhatTheyDoNotKnow(t *testing.T) {
	c := newTerminal(t)
	all := c.commands(t)
	require.Greater(t, len(all), 35, "%v", all)
	for _, words := range all {
		name := "pipelab " + strings.Join(words, " ")
		help := c.run(append(words, "--help")...)
		require.Equal(t, app.ExitOK, help.code, name)
		require.Contains(t, help.out, "Usage:\n  "+name, name)
		require.Empty(t, help.err, name)
		wrong := c.run(append(words, "--no-such-flag")...)
		require.Equal(t, answer{app.ExitUsage, "", "error: unknown flag: --no-such-flag\nhint: see: " + name + " --help\n"},
			wrong)
	}
}

// What cannot be done says what, and what to type, with the exit code of its kind.
func TestCommands_sayWhatIsWrong(t *testing.T) {
	c := newTerminal(t)
	require.NoError(t, os.WriteFile("text.json", []byte("no gradebook"), 0o600))
	require.NoError(t, os.Mkdir("taken", 0o700))
	noWorkspace := "is not a lab workspace"
	for line, want := range map[string]struct {
		code int
		text string
		hint string
	}{
		// catalogue
		"show":                      {app.ExitUsage, "LAB is missing: pipelab show LAB", "see: pipelab show --help"},
		"show kinesis-partition-ke": {app.ExitUsage, `there is no lab "kinesis-partition-ke"`, "kinesis-partition-keys"},
		"list everything":           {app.ExitUsage, "everything", "see: pipelab list --help"},
		"list --emulator minystack": {app.ExitUsage, `there is no emulator "minystack"`, "did you mean ministack?"},
		// session
		"start": {app.ExitUsage, "LAB is missing: pipelab start LAB",
			"for example: pipelab start kinesis-partition-keys\nhint: see: pipelab start --help"},
		"start kinesis": {app.ExitUsage, `there is no lab "kinesis"`,
			"did you mean kinesis-consumer-idempotent, or kinesis-partition-keys, or"},
		"start nonsense": {app.ExitUsage, `there is no lab "nonsense"`, "pipelab list"},
		"status":         {app.ExitUsage, noWorkspace, "pipelab start"},
		"stop":           {app.ExitUsage, noWorkspace, "pipelab start"},
		// judge
		"check":        {app.ExitUsage, noWorkspace, "pipelab start"},
		"deploy":       {app.ExitUsage, noWorkspace, "pipelab start"},
		"hint a b":     {app.ExitUsage, `"b" is one argument too many: pipelab hint [CHECK]`, "see: pipelab hint --help"},
		"solve --yes":  {app.ExitUsage, noWorkspace, "pipelab start"},
		"logs a b":     {app.ExitUsage, `"b" is one argument too many: pipelab logs [FUNCTION]`, "see: pipelab logs --help"},
		"check --seed": {app.ExitUsage, "flag needs an argument: --seed", "see: pipelab check --help"},
		// control
		"trace": {app.ExitUsage, noWorkspace, "pipelab start"},
		"time advance": {app.ExitUsage, "DURATION is missing: pipelab time advance DURATION",
			"see: pipelab time advance --help"},
		"time advance -1h":  {app.ExitUsage, "", "see: pipelab time advance --help"},
		"time advance 1day": {app.ExitUsage, `"1day" is not a duration`, "write it as 90s, 15m or 25h"},
		"time travel":       {app.ExitUsage, `there is no command "time travel"`, "see the commands: pipelab time --help"},
		"fault add":         {app.ExitUsage, "KIND is missing: pipelab fault add KIND", "see: pipelab fault add --help"},
		"fault clear a b": {app.ExitUsage, `"b" is one argument too many: pipelab fault clear [ID]`,
			"see: pipelab fault clear --help"},
		"fault lst":          {app.ExitUsage, `there is no command "fault lst"`, "did you mean pipelab fault list?"},
		"fault add error --": {app.ExitUsage, noWorkspace, "pipelab start"},
		// environment
		"env": {app.ExitUsage, noWorkspace, "pipelab start"},
		"run": {app.ExitUsage, "run needs a command", "for example: pipelab run -- aws s3 ls"},
		// reports
		"report":           {app.ExitUsage, "the gradebook cannot be read", "pipelab grade PATH"},
		"report text.json": {app.ExitUsage, "text.json is no gradebook", "pipelab grade PATH"},
		"report a b": {app.ExitUsage, `"b" is one argument too many: pipelab report [GRADEBOOK]`,
			"see: pipelab report --help"},
		"fill canvas": {app.ExitUsage, "EXPORT is missing: pipelab fill canvas|moodle EXPORT",
			"see: pipelab fill --help"},
		"assignment open": {app.ExitUsage, "FILE is missing: pipelab assignment open FILE",
			"see: pipelab assignment open --help"},
		"assignment opn": {app.ExitUsage, `there is no command "assignment opn"`,
			"did you mean pipelab assignment open?"},
		"assignment new": {app.ExitUsage, "LAB is missing: pipelab assignment new LAB…",
			"see: pipelab assignment new --help"},
		"assignment verify nowhere.zip":   {app.ExitUsage, "there are no keys", "pipelab assignment keys"},
		"submit":                          {app.ExitUsage, noWorkspace, "pipelab start"},
		"lab new taken":                   {app.ExitUsage, "is there already", ""},
		"lab new No_Id":                   {app.ExitUsage, `"No_Id" cannot be a lab's id`, "my-lab"},
		"lab lint nowhere":                {app.ExitUsage, "nowhere", ""},
		"emulator serve --addr 0.0.0.0:1": {app.ExitUsage, "0.0.0.0:1 is not a loopback address", "127.0.0.1:0"},
		"emulator serve --dir d --emulator localstack": {app.ExitUsage, "--dir is for the embedded emulator", ""},
		"version now": {app.ExitUsage, `pipelab version takes no arguments, and was given "now"`,
			"see: pipelab version --help"},
		"help nosuch":    {app.ExitUsage, `there is no command "nosuch"`, "see the commands: pipelab --help"},
		"help chek":      {app.ExitUsage, `there is no command "chek"`, "did you mean pipelab check?"},
		"help fault lst": {app.ExitUsage, `there is no command "fault lst"`, "did you mean pipelab fault list?"},
		// flags
		"check --seed abc":                  {app.ExitUsage, `--seed "abc" is no whole number from 0 up`, "write it as 7"},
		"check --seed 18446744073709551616": {app.ExitUsage, `--seed "18446744073709551616" is out of range`, ""},
		"fault add error --share some":      {app.ExitUsage, `--share "some" is no number`, "write it as 0.5"},
		"fault add latency --latency 1day": {app.ExitUsage, `--latency "1day" is no duration`,
			"write it as 90s, 15m or 25h"},
		"check --keep=perhaps": {app.ExitUsage, `--keep "perhaps" is neither true nor false`, ""},
		"check --sed 7":        {app.ExitUsage, "unknown flag: --sed", "did you mean --seed?"},
	} {
		t.Run(line, func(t *testing.T) {
			got := c.run(strings.Fields(line)...)
			require.Equal(t, want.code, got.code, got.err)
			require.Empty(t, got.out)
			first, rest, _ := strings.Cut(got.err, "\n")
			require.True(t, strings.HasPrefix(first, "error: ") && strings.Contains(first, want.text), got.err)
			require.Contains(t, rest, want.hint)
			for _, more := range strings.Split(strings.TrimSpace(rest), "\n") {
				require.True(t, more == "" || strings.HasPrefix(more, "hint: "), "%q", more)
			}
		})
	}
}

// What there is to parse is JSON and nothing else.
func TestCommands_printJSON(t *testing.T) {
	c := newTerminal(t)
	for _, line := range []string{"list", "list --coverage", "show kinesis-partition-keys", "show s3-landing-zone --text",
		"explain", "explain shard", "explain facts", "progress", "report formats", "lab schema", "report schema", "version"} {
		a := c.run(append(strings.Fields(line), "--json")...)
		require.Equal(t, app.ExitOK, a.code, "%s: %s", line, a.err)
		require.True(t, json.Valid([]byte(a.out)), "%s: %s", line, a.out)
	}
}

// Nobody's home: what needs none works, and what does says what is missing.
func TestCommands_workWithoutAHome(t *testing.T) {
	t.Chdir(t.TempDir())
	c := &terminal{environ: []string{"PATH=" + os.Getenv("PATH")}}
	for _, line := range []string{"list", "show s3-landing-zone", "lab new labs/mine", "report formats", "version",
		"lab lint labs/mine"} {
		a := c.run(strings.Fields(line)...)
		require.Equal(t, app.ExitOK, a.code, "%s: %s", line, a.err)
	}
	require.FileExists(t, filepath.Join("labs", "mine", "lab.yaml"))
	a := c.run("assignment", "keys")
	require.Equal(t, app.ExitEnvironment, a.code, a.out)
	require.Equal(t, "error: HOME is not set, so there is no place for an instructor's keys\n"+
		"hint: name the file: PIPELAB_KEYS=FILE, or set HOME\n", a.err)
	a = c.run("status", "--all", "--json")
	require.Equal(t, answer{app.ExitOK, "[]\n", ""}, a)
}

// Output that is not for a terminal has no colour and fits 80 columns, but for what
// is typed and for words that are longer.
func TestCommands_fitAPipe(t *testing.T) {
	for _, colour := range []string{"NO_COLOR=1", "TERM=xterm-256color"} {
		c := newTerminal(t, colour)
		for _, line := range []string{"show kinesis-partition-keys", "show s3-landing-zone", "list --coverage"} {
			a := c.run(strings.Fields(line)...)
			require.Equal(t, app.ExitOK, a.code, a.err)
			require.NotContains(t, a.out, "\x1b")
			for _, l := range strings.Split(a.out, "\n") {
				if !strings.HasPrefix(l, "the whole text: ") && strings.Contains(strings.TrimSpace(l), " ") {
					require.LessOrEqual(t, utf8.RuneCountInString(l), 80, l)
				}
			}
		}
	}
}

// Programs read what is wrong where they read everything else.
func TestCommands_tellErrorsAsJSON(t *testing.T) {
	c := newTerminal(t)
	for _, line := range []string{"show nonsense --json", "start --json", "check --json --no-such-flag", "status --json",
		"nonsense --json", "check --seed abc --json"} {
		a := c.run(strings.Fields(line)...)
		require.Equal(t, app.ExitUsage, a.code, line)
		var e struct {
			Error    string
			Hints    []string
			ExitCode int
		}
		require.NoError(t, json.Unmarshal([]byte(a.out), &e), "%s: %s", line, a.out)
		require.Equal(t, app.ExitUsage, e.ExitCode, line)
		require.NotEmpty(t, e.Hints, line)
		require.Equal(t, "error: "+e.Error+"\nhint: "+strings.Join(e.Hints, "\nhint: ")+"\n", a.err, line)
	}
	require.Empty(t, c.run("show", "--", "--json").out, "an argument, no flag")
}

// What help shows, and what there is to read about all commands.
func TestHelp_knowsItsTopics(t *testing.T) {
	c := newTerminal(t)
	for line, want := range map[string]string{"help": "Usage:\n  pipelab", "help fault add": "Usage:\n  pipelab fault add",
		"help exit-codes": "130  interrupted", "help help": "pipelab help [COMMAND…]"} {
		a := c.run(strings.Fields(line)...)
		require.Equal(t, app.ExitOK, a.code, "%s: %s", line, a.err)
		require.Contains(t, a.out, want, line)
	}
}

// One name for where output goes, and the older one still.
func TestCommands_writeToOutput(t *testing.T) {
	c := newTerminal(t)
	for _, words := range c.commands(t) {
		help := c.run(append(words, "--help")...).out
		require.NotContains(t, help, "--out ", words)
		if strings.Contains(help, "--output") {
			require.Contains(t, help, "-o, --output", words)
		}
	}
	for _, flag := range []string{"--out", "--output", "-o"} {
		a := c.run("grade", "nowhere", flag, "g", "--lab", "s3-landing-zone")
		require.Equal(t, app.ExitUsage, a.code, a.err)
		require.Contains(t, a.err, "nowhere", flag)
	}
}
