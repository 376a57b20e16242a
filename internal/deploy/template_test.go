package deploy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"

	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/lab"
)

const marked = `{"Resources": {"Own": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"Own": {"Value": {"Ref": "Own"}}}}`

// A lab that asks for programs has nothing to deploy, so that a template of another
// name would go unseen there.
func TestSubmission_takesATemplateByAnyNameThatToolsGiveIt(t *testing.T) {
	to, l := target(t)
	l.Programs = map[string]lab.Program{"load": {}}
	for _, name := range []string{"template.yaml", "template.yml", "template.json", "template.template", "Template.YAML"} {
		c, err := to.Submission(t.Context(), l, "stack-of-it", write(t, name, marked), nil)
		require.NoError(t, err, name)
		require.Contains(t, c.Outputs["Own"], "http", name)
	}
	dir := write(t, "template.json", `{"Resources": {}}`)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "template.yaml"), []byte(marked), 0o600))
	c, err := to.Submission(t.Context(), l, "stack-of-it", dir, nil)
	require.NoError(t, err)
	require.Contains(t, c.Outputs["Own"], "http", "template.yaml wins")
	require.True(t, deploy.Deployable(dir))
}

func TestTemplate_leavesAChoiceToItsOwner(t *testing.T) {
	dir := write(t, "template.yml", marked)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "template.json"), []byte(marked), 0o600))
	_, err := deploy.Template(dir)
	var choice *deploy.FolderError
	require.ErrorAs(t, err, &choice)
	require.EqualError(t, err,
		"template.json and template.yml can each be the template: keep one, or call it template.yaml")
	require.True(t, deploy.Deployable(dir))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "deploy.sh"), nil, 0o600))
	name, err := deploy.Template(dir)
	require.NoError(t, err)
	require.Empty(t, name, "the script may use both")

	empty := t.TempDir()
	name, err = deploy.Template(empty)
	require.NoError(t, err)
	require.Empty(t, name)
	require.False(t, deploy.Deployable(empty))
}

func TestSubmission_readsTemplatesAsWindowsSavesThem(t *testing.T) {
	to, l := target(t)
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(marked)
	require.NoError(t, err)
	for name, text := range map[string]string{"UTF-8 with BOM": "\xef\xbb\xbfAWSTemplateFormatVersion: '2010-09-09'\r\n" +
		"Resources:\r\n  Own: { Type: AWS::SQS::Queue }\r\nOutputs:\r\n  Own: { Value: !Ref Own }\r\n",
		"JSON with BOM": "\xef\xbb\xbf\t" + marked, "Unicode": wide} {
		c, err := to.Submission(t.Context(), l, "stack-of-it", write(t, "template.yaml", text), nil)
		require.NoError(t, err, name)
		require.Contains(t, c.Outputs["Own"], "http", name)
	}
	_, err = to.Submission(t.Context(), l, "stack-of-it", write(t, "template.yaml", "# M\xfcller\n"+marked), nil)
	require.ErrorContains(t, err, "it is not UTF-8 text: save it as UTF-8")
}
