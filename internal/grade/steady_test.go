package grade

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What differs between two runs of one submission is nothing that it did.
func TestCleaner_takesOutWhatIsDifferentInEachRun(t *testing.T) {
	var texts []string
	for _, n := range []string{"0123456789", "9876543210"} {
		request := "679c1c64-61e1-46ed-a8f3-b51b" + n[:8]
		var c cleaner
		c.init("/grades/.work/7.run", "http://127.0.0.1:4"+n[:4])
		texts = append(texts, c.text(`{"requestId":"`+request+`","stack":["/tmp/pipelab-emulator-`+n+`/pipelab-aws-`+n+
			`/code-57d5d60be52acf51-`+n+`/app.py","/tmp/pipelab-emulator-1/tmp-`+n+`"]}, "{\"requestId\":\"`+request+
			`\"}" and RequestId: `+request+` "UUID":"`+request+`" arn:aws:lambda:us-east-1:000000000000:event-source-mapping:`+
			request+` at http://127.0.0.1:4`+n[:4]+`/grades/.work/7.run/src`))
	}
	require.Equal(t, texts[0], texts[1])
	require.Contains(t, texts[0], "/code-57d5d60be52acf51-0/app.py")
}
