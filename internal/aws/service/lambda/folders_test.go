package lambda_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	iamservice "github.com/pipelab/pipelab/internal/aws/service/iam"
	"github.com/pipelab/pipelab/internal/aws/service/lambda"
	sqsservice "github.com/pipelab/pipelab/internal/aws/service/sqs"
	stsservice "github.com/pipelab/pipelab/internal/aws/service/sts"
)

// folders are those with unpacked code.
func (w *world) folders() []string {
	w.t.Helper()
	dir, err := w.Host.Scratch()
	require.NoError(w.t, err)
	list, err := filepath.Glob(filepath.Join(dir, "code-*"))
	require.NoError(w.t, err)
	return list
}

func (w *world) update(name, code string, publish bool) {
	w.t.Helper()
	_, err := w.lambda.UpdateFunctionCode(w.t.Context(), &sdk.UpdateFunctionCodeInput{FunctionName: aws.String(name),
		ZipFile: zipped(w.t, map[string]string{"app.py": code}), Publish: publish})
	require.NoError(w.t, err)
	w.Advance(time.Second)
}

func (w *world) remove(name string, qualifier *string) {
	w.t.Helper()
	_, err := w.lambda.DeleteFunction(w.t.Context(), &sdk.DeleteFunctionInput{FunctionName: aws.String(name),
		Qualifier: qualifier})
	require.NoError(w.t, err)
}

func TestCode_unpackedFoldersGoWithTheirVersions(t *testing.T) {
	w := start(t)
	w.python("f", "def handler(e, c): return 0")
	require.Equal(t, "0", string(w.invoke("f", `{}`).Payload))
	for i := 1; i <= 8; i++ {
		w.update("f", fmt.Sprintf("def handler(e, c): return %d", i), false)
		require.Equal(t, fmt.Sprint(i), string(w.invoke("f", `{}`).Payload))
	}
	require.Len(t, w.folders(), 1, "after eight updates")

	w.update("f", "def handler(e, c): return 'published'", true)
	w.update("f", "def handler(e, c): return 'latest'", false)
	require.Equal(t, `"latest"`, string(w.invoke("f", `{}`).Payload))
	require.Equal(t, `"published"`, string(w.invoke("f:1", `{}`).Payload))
	require.Len(t, w.folders(), 2, "two versions")
	w.remove("f", aws.String("1"))
	require.Len(t, w.folders(), 1)

	w.python("same", "def handler(e, c): return 'latest'")
	require.Equal(t, `"latest"`, string(w.invoke("same", `{}`).Payload))
	require.Len(t, w.folders(), 1, "the same code is unpacked once")
	w.remove("f", nil)
	require.Equal(t, `"latest"`, string(w.invoke("same", `{}`).Payload))
	require.Len(t, w.folders(), 1)
	w.remove("same", nil)
	require.Empty(t, w.folders())
}

func TestCode_unpackedLayersGoWithTheirVersions(t *testing.T) {
	w := start(t)
	layer := func(text string) string {
		out, err := w.lambda.PublishLayerVersion(t.Context(), &sdk.PublishLayerVersionInput{LayerName: aws.String("words"),
			Content: &types.LayerVersionContentInput{ZipFile: zipped(t, map[string]string{"python/words.py": text})}})
		require.NoError(t, err)
		return *out.LayerVersionArn
	}
	w.python("f", "import words\ndef handler(e, c): return words.word", func(in *sdk.CreateFunctionInput) {
		in.Layers = []string{layer("word = 'one'")}
	})
	require.Equal(t, `"one"`, string(w.invoke("f", `{}`).Payload))
	require.Len(t, w.folders(), 2)
	_, err := w.lambda.UpdateFunctionConfiguration(t.Context(), &sdk.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), Layers: []string{layer("word = 'two'")}})
	require.NoError(t, err)
	w.Advance(time.Second)
	require.Equal(t, `"two"`, string(w.invoke("f", `{}`).Payload))
	require.Len(t, w.folders(), 2)
	w.remove("f", nil)
	require.Empty(t, w.folders())
}

// A process that is at work when its code is replaced keeps its files.
func TestCode_aFolderStaysWhileAProcessUsesIt(t *testing.T) {
	w := start(t)
	begun := filepath.Join(t.TempDir(), "begun")
	w.python("f", "", func(in *sdk.CreateFunctionInput) {
		in.Code.ZipFile = zipped(t, map[string]string{"app.py": `
import os, time
def handler(e, c):
    open(e["begun"], "w").close()
    while os.path.exists(e["begun"]): time.sleep(0.01)
    import late
    return late.word
`, "late.py": "word = 'still here'"})
	})
	answer := make(chan string, 1)
	go func() {
		out, err := w.lambda.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("f"),
			Payload: fmt.Appendf(nil, `{"begun":%q}`, begun)})
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- string(out.Payload)
	}()
	require.Eventually(t, func() bool { _, err := os.Stat(begun); return err == nil }, time.Minute, time.Millisecond)
	w.remove("f", nil)
	require.Len(t, w.folders(), 1)
	require.NoError(t, os.Remove(begun))
	require.Equal(t, `"still here"`, <-answer)
	require.Eventually(t, func() bool { return len(w.folders()) == 0 }, time.Minute, time.Millisecond)
}

// Archives of some kilobytes hold megabytes: where storage has a bound, what is
// unpacked keeps to it.
func TestCode_unpackedFoldersKeepToTheBoundOfTheStore(t *testing.T) {
	w := worldOf(t, awstest.NewBounded(t, 4<<20, as(iamservice.New), as(stsservice.New), as(sqsservice.New),
		as(lambda.New)))
	for _, name := range []string{"one", "two"} {
		w.python(name, "", func(in *sdk.CreateFunctionInput) {
			in.Code.ZipFile = zipped(t, map[string]string{"app.py": "def handler(e, c): return '" + name + "'",
				"zeros": strings.Repeat("\x00", 3<<20)})
		})
	}
	require.Equal(t, `"one"`, string(w.invoke("one", `{}`).Payload))
	_, err := w.lambda.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("two")},
		func(o *sdk.Options) { o.RetryMaxAttempts = 1 })
	require.ErrorContains(t, err, "the storage of this emulator is full")
	require.Len(t, w.folders(), 1)
	w.Advance(time.Hour) // no process of the first is left, but its version is
	require.Equal(t, `"two"`, string(w.invoke("two", `{}`).Payload))
	require.Len(t, w.folders(), 1, "the first made room")
	w.Advance(time.Hour)
	require.Equal(t, `"one"`, string(w.invoke("one", `{}`).Payload), "and is unpacked again")
}
