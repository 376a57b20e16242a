package limits_test

import (
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/limits"
)

// A number without a unit says nothing, and one without AWS's page is nobody's.
func TestTables_haveUnitsAndSources(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	source := regexp.MustCompile(`^https://(docs\.aws\.amazon\.com|aws\.amazon\.com|github\.com/(aws|boto))/\S+$`)
	name := regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	services := 0
	for _, f := range files {
		service, ok := strings.CutSuffix(f.Name(), ".yaml")
		if !ok {
			continue
		}
		services++
		table := limits.Table(service)
		require.NotEmpty(t, table, service)
		for row, l := range table {
			require.Regexp(t, name, row, service)
			require.GreaterOrEqual(t, l.Value, int64(0), "%s %s", service, row)
			require.NotEmpty(t, l.Unit, "%s %s", service, row)
			require.Regexp(t, source, l.Source, "%s %s", service, row)
			require.Equal(t, l.Value, limits.Get(service, row))
		}
	}
	require.GreaterOrEqual(t, services, 10)
}

// A row twice, or a key that is none, would be a number that nobody enforces.
func TestTables_nameEachRowOnce(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, f := range files {
		service, ok := strings.CutSuffix(f.Name(), ".yaml")
		if !ok {
			continue
		}
		b, err := os.ReadFile(f.Name())
		require.NoError(t, err)
		rows := regexp.MustCompile(`(?m)^\w+:`).FindAllString(string(b), -1)
		require.Len(t, limits.Table(service), len(rows), service)
	}
}

// The files are part of the program: what it asks for in vain is a mistake in it.
func TestGet_ofNoRowPanicsWithItsName(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "limits: no row nothing in sqs.yaml", func() { limits.Get("sqs", "nothing") })
	require.Panics(t, func() { limits.Table("nosuchservice") })
	require.Panics(t, func() { limits.Table("../limits") })
}

func TestTable_isReadByManyAtOnce(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if limits.Get("sqs", "messageBytes") != limits.Table("sqs")["messageBytes"].Value {
				t.Error("one table, one number")
			}
		})
	}
	group.Wait()
}
