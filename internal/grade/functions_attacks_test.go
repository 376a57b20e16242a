package grade_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/report"
)

// A function may say what it likes of how it is to be started: that it cannot be is
// its owner's, and settles the grade.
func TestRun_functionsThatCannotBeStartedAreTheirOwners(t *testing.T) {
	c := newClass(t)
	c.labs["using"] = using(t)
	c.rules.Labs = []grade.AssignmentLab{{ID: "using", Points: 100}}
	for name, properties := range map[string]string{
		"nul":      `Environment: {Variables: {AA: "x\0y"}}`,
		"name":     `Environment: {Variables: {"A=B": x}}`,
		"large":    `Environment: {Variables: {AA: "` + strings.Repeat("x", 5000) + `"}}`,
		"reserved": `Environment: {Variables: {AWS_LAMBDA_RUNTIME_API: "127.0.0.1:1", _HANDLER: x}}`,
		"home":     `Environment: {Variables: {PYTHONHOME: /nowhere}}`,
		"path":     `Environment: {Variables: {PATH: /nowhere, PYTHONPATH: /nowhere, HOME: /nowhere, TMPDIR: /nowhere}}`,
		"locale":   `Environment: {Variables: {LC_ALL: "../../x", TZ: ":../../etc/passwd", LOCPATH: .}}`,
		"memory":   `MemorySize: 999999999`,
		"timeout":  `Timeout: -1`,
		"runtime":  `Layers: ["arn:aws:lambda:us-east-1:999999999999:layer:x:1"]`,
		"handler":  `Description: "\e[31m"`,
	} {
		c.put(map[string]string{"class/" + name + "/template.yaml": fmt.Sprintf(`Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Action: "sts:AssumeRole",
      Principal: {Service: lambda.amazonaws.com}}]}}
  F:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code: {ZipFile: "def handler(e, c): return 1"}
      %s
Outputs: {X: {Value: !Ref F}}
`, properties)})
	}
	for who, g := range byLearner(c.graded("class").Book) {
		require.Equal(t, report.Final, g.Status, "%s: %s", who, g.Problem)
		for _, one := range g.Result.Checks {
			require.Equal(t, report.Fail, one.Verdict, "%s %s: %s", who, one.ID, one.Message)
		}
	}
}
