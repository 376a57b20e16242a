package embedded_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/provision"
)

// The README's table of operations says what the code has.
func TestReadme_countsTheOperations(t *testing.T) {
	e, err := embedded.Driver{Provision: provision.At}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.Endpoint().URL+"/_localstack/info", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var info struct {
		Operations map[string]struct{ Control, Data []string }
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&info))
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	names := map[string]string{}
	for _, d := range cloud.Describe() {
		names[d.Name] = d.Title
	}
	for service, ops := range info.Operations {
		require.Contains(t, names, service)
		row := regexp.MustCompile(`(?m)^\| ` + names[service] +
			`(?:,[^|]*| \([^|]*\))? \| (\d*)[^|]*\| (\d*) ?\|$`).FindStringSubmatch(string(readme))
		require.NotNil(t, row, "the README has no row for %s", service)
		control, _ := strconv.Atoi(row[1]) // an empty cell is 0
		data, _ := strconv.Atoi(row[2])    // as above
		require.Equal(t, []int{len(ops.Control), len(ops.Data)}, []int{control, data}, service)
	}
}
