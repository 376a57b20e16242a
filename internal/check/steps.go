package check

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/pipelab/pipelab/internal/datagen"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
	"github.com/pipelab/pipelab/internal/tempdir"
)

func (s *session) step(ctx context.Context, st lab.Step) error {
	control := s.o.Emulator.Control()
	switch {
	case st.PutObject != nil:
		return s.putObject(ctx, st.PutObject)
	case st.DeleteObject != nil:
		names, err := s.expandAll(st.DeleteObject.Bucket, st.DeleteObject.Key)
		if err != nil {
			return err
		}
		s.note("DeleteObject %s/%s", names[0], names[1])
		_, err = s.s3().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &names[0], Key: &names[1]})
		return err
	case st.PutRecords != nil:
		return s.putRecords(ctx, st.PutRecords)
	case st.Call != nil:
		return s.callStep(ctx, st.Call)
	case st.Run != nil:
		return s.run(ctx, st.Run)
	case st.Invoke != nil:
		return s.invoke(ctx, st.Invoke)
	case st.Deliver != nil:
		return s.deliver(ctx, st.Deliver)
	case st.SendMessages != nil:
		return s.sendMessages(ctx, st.SendMessages)
	case st.PutItems != nil:
		return s.putItems(ctx, st.PutItems)
	case st.UpdateItem != nil:
		return s.updateItem(ctx, st.UpdateItem)
	case st.DeleteItem != nil:
		return s.deleteItem(ctx, st.DeleteItem)
	case st.Fault != nil:
		return s.fault(ctx, st.Fault)
	case st.ClearFaults:
		return control.ClearFaults(ctx, "")
	case st.Advance != "":
		s.note("the clock moved by %s", st.Advance)
		_, _, err := control.Advance(ctx, st.Advance.Or(0))
		return err
	case st.Hold:
		s.note("the clock stands still")
		s.held = true
		return control.Hold(ctx)
	case st.Await != nil:
		return s.wait(ctx, st.Await)
	case st.Redeploy:
		if s.o.Redeploy == nil {
			return fmt.Errorf("deploying again: %w", errUnsupported)
		}
		outputs, err := s.o.Redeploy(ctx)
		s.outputs = outputs
		return err
	}
	return errors.New("the step is empty")
}

// note keeps what was sent, for the report.
func (s *session) note(format string, args ...any) {
	s.sent = append(s.sent, brief(fmt.Sprintf(format, args...)))
}

func (s *session) expandAll(in ...string) ([]string, error) {
	out := make([]string, len(in))
	for i, v := range in {
		var err error
		if out[i], err = s.expand(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *session) s3() *s3.Client {
	return s3.NewFromConfig(s.config, func(o *s3.Options) { o.UsePathStyle = true })
}

func (s *session) putObject(ctx context.Context, p *lab.PutObject) error {
	names, err := s.expandAll(p.Bucket, p.Key, p.Body)
	if err != nil {
		return err
	}
	if c := p.CopyFrom; c != nil {
		from, err := s.expandAll(c.Bucket, c.Key)
		if err != nil {
			return err
		}
		s.note("CopyObject %s/%s to %s/%s", from[0], from[1], names[0], names[1])
		source := from[0] + "/" + (&url.URL{Path: from[1]}).EscapedPath()
		out, err := s.s3().CopyObject(ctx, &s3.CopyObjectInput{Bucket: &names[0], Key: &names[1], CopySource: &source})
		if err == nil {
			s.follow(sending{kind: toBucket, target: names[0], key: names[1], call: requestID(out.ResultMetadata)})
		}
		return err
	}
	body := []byte(names[2])
	switch {
	case p.Base64 != "":
		if body, err = base64.StdEncoding.DecodeString(p.Base64); err != nil {
			return fmt.Errorf("base64: %w", err)
		}
	case p.Data != "":
		body = s.sets[p.Data].bytes()
	}
	s.note("PutObject %s/%s, %d bytes: %s", names[0], names[1], len(body), first(body))
	in := &s3.PutObjectInput{Bucket: &names[0], Key: &names[1], Body: bytes.NewReader(body)}
	if p.ContentType != "" {
		in.ContentType = &p.ContentType
	}
	out, err := s.s3().PutObject(ctx, in)
	if err == nil {
		s.follow(sending{kind: toBucket, target: names[0], key: names[1], text: string(body[:min(len(body), mostFollowed)]),
			call: requestID(out.ResultMetadata)})
	}
	return err
}

func first(b []byte) string { return strings.ToValidUTF8(string(b[:min(len(b), 120)]), "") }

// records are the entries to send: a data set's or the step's own.
func (s *session) records(p *lab.PutRecords) ([]lab.Record, error) {
	out := []lab.Record{}
	if p.Data != "" {
		entries := s.sets[p.Data].entries
		entries = entries[min(p.Skip, len(entries)):]
		if p.Count > 0 {
			entries = entries[:min(p.Count, len(entries))]
		}
		for _, e := range entries {
			out = append(out, lab.Record{Key: e.Key, Data: e.Raw})
		}
		return out, nil
	}
	for _, r := range p.Records {
		v, err := s.expandAll(r.Key, r.Data)
		if err != nil {
			return nil, err
		}
		out = append(out, lab.Record{Key: v[0], Data: v[1]})
	}
	return out, nil
}

func (s *session) putRecords(ctx context.Context, p *lab.PutRecords) error {
	stream, err := s.expand(p.Stream)
	if err != nil {
		return err
	}
	records, err := s.records(p)
	if err != nil {
		return err
	}
	s.note("%s to the stream %s", report.Count(len(records), "record"), short(stream))
	client, batch := kinesis.NewFromConfig(s.config), p.Batch
	if batch == 0 {
		batch = 500
	}
	for len(records) > 0 {
		n := min(batch, len(records))
		entries := make([]kinesistypes.PutRecordsRequestEntry, n)
		for i, r := range records[:n] {
			entries[i] = kinesistypes.PutRecordsRequestEntry{Data: []byte(r.Data), PartitionKey: aws.String(r.Key)}
		}
		if err := s.putBatch(ctx, client, stream, entries, p.Once); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// putBatch sends until every entry is in. A batch must be in whole before the
// next one goes, or a late retry would break the order of its key.
func (s *session) putBatch(ctx context.Context, client *kinesis.Client, stream string,
	entries []kinesistypes.PutRecordsRequestEntry, once bool) error {
	for pause := firstPoll; ; pause = min(pause*2, time.Second) {
		out, err := client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &stream, Records: entries})
		if err != nil {
			return err
		}
		s.followBatch(stream, entries, out)
		var failed []kinesistypes.PutRecordsRequestEntry
		for i, r := range out.Records {
			if r.ErrorCode != nil {
				failed = append(failed, entries[i])
			}
		}
		if len(failed) == 0 || once {
			return nil
		}
		entries = failed
		if err := s.o.Clock.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func (s *session) sendMessages(ctx context.Context, m *lab.SendMessages) error {
	queue, err := s.expand(m.Queue)
	if err != nil {
		return err
	}
	bodies, err := s.expandAll(m.Bodies...)
	if err != nil {
		return err
	}
	if m.Data != "" {
		for _, e := range s.sets[m.Data].entries {
			bodies = append(bodies, e.Raw)
		}
	}
	s.note("%s to the queue %s", report.Count(len(bodies), "message"), short(path.Base(queue)))
	client := sqs.NewFromConfig(s.config)
	for _, b := range bodies {
		out, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &b})
		if err != nil {
			return err
		}
		s.follow(sending{kind: toQueue, target: path.Base(queue), text: b, id: aws.ToString(out.MessageId),
			call: requestID(out.ResultMetadata)})
	}
	return nil
}

func (s *session) fault(ctx context.Context, f *lab.Fault) error {
	names, err := s.expandAll(append([]string{f.Resource}, f.Carrying...)...)
	if err != nil {
		return err
	}
	resource, carrying := names[0], names[1:]
	s.note("%s", faultWords(f, resource, carrying))
	_, err = s.o.Emulator.Control().AddFault(ctx, emulator.Fault{Kind: f.Kind, Service: f.Service, Operation: f.Operation,
		Resource: resource, Carrying: carrying, Share: f.Share, Skip: f.Skip, Count: f.Count, Error: f.Error,
		Status: f.Status, Latency: f.Latency.Or(0), Seed: s.o.Seed})
	return err
}

// run starts a learner's program, once or several times in parallel, and
// remembers between which calls of the trace it was at work.
func (s *session) run(ctx context.Context, r *lab.Run) error {
	name := r.Called()
	first, err := s.lastCall(ctx)
	if err != nil {
		return err
	}
	all := []any{}
	for range max(r.Times, 1) {
		results, err := s.start(ctx, r)
		if err != nil {
			return err
		}
		all = append(all, results...)
	}
	s.runs[name] = all
	last, err := s.lastCall(ctx)
	s.spans[name] = span{first, last}
	return err
}

// start is one time of run. Nothing is started unless everything can be.
func (s *session) start(ctx context.Context, r *lab.Run) ([]any, error) {
	program, n := s.o.Lab.Programs[r.Program], max(r.Parallel, 1)
	kill := make(chan struct{})
	watch, stop := context.WithCancel(ctx)
	defer stop()
	specs, results, errs := make([]sandbox.Spec, n), make([]any, n), make([]error, n)
	for i := range n {
		var err error
		if specs[i], err = s.spec(r, program, i); err != nil {
			return nil, err
		}
		specs[i].Kill = kill
	}
	s.started[r.Called()] = shownAs(specs[0])
	s.followInput(r)
	s.note("%d × %s, %s on standard input", n, strings.Join(specs[0].Command, " "), report.Count(s.lines(r), "line"))
	var wg, watcher sync.WaitGroup
	var failed error
	for i, spec := range specs {
		wg.Go(func() {
			errs[i] = safely(func() (err error) {
				results[i], err = s.instance(ctx, r, spec)
				return err
			})
		})
	}
	if r.KillWhen != "" || r.KillAfter != "" {
		watcher.Go(func() {
			failed = safely(func() error {
				s.killer(watch, r, kill)
				return nil
			})
		})
	}
	wg.Wait()
	stop()
	watcher.Wait()
	for _, r := range results {
		if m, ok := r.(map[string]any); ok && m["timedOut"] == true {
			s.o.late.again()
			break
		}
	}
	return results, errors.Join(append(errs, failed)...)
}

// instance runs a program once and shows how it went.
func (s *session) instance(ctx context.Context, r *lab.Run, spec sandbox.Spec) (any, error) {
	sum, remove, err := s.input(r.File, &spec)
	if err != nil {
		return nil, err
	}
	defer remove()
	out, err := s.execute(ctx, spec)
	stderr := s.fromRoot(out.Stderr)
	return map[string]any{"exit": int64(out.Exit), "timedOut": out.TimedOut, "killed": out.Killed, "breach": out.Breach,
		"lines": parseLines([]byte(out.Stdout)), "stdout": out.Stdout, "stderr": stderr,
		"log": parseLines([]byte(stderr)), "inputSha256": sum}, err
}

// fromRoot names files of the workspace as the learner knows them: a program may run in a
// copy, whose folder is nobody's business.
func (s *session) fromRoot(text string) string {
	for _, root := range []string{s.o.Workspace, resolved(s.o.Workspace)} {
		if root != "" {
			text = strings.ReplaceAll(text, strings.TrimRight(root, `/\`)+string(filepath.Separator), "")
		}
	}
	return text
}

// execute runs a program, which one in Go must be built for first.
func (s *session) execute(ctx context.Context, spec sandbox.Spec) (sandbox.Result, error) {
	if goRun(spec.Command) {
		if failed, err := s.o.Builds.prepare(ctx, &spec); failed != nil || err != nil {
			if failed == nil {
				failed = &sandbox.Result{}
			}
			return *failed, err
		}
	}
	return sandbox.Run(ctx, spec)
}

// input writes the file that a program is given, and tells the program.
func (s *session) input(f *lab.File, spec *sandbox.Spec) (sum string, remove func(), err error) {
	if f == nil {
		return "", func() {}, nil
	}
	dir, err := tempdir.New("input")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = dir.Remove() } // a folder for temporary files
	defer func() {
		if err != nil {
			remove()
		}
	}()
	file, err := os.Create(filepath.Join(dir.Path(), f.Name))
	if err != nil {
		return "", nil, err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, hash), datagen.Bytes(f.Name, s.o.Seed, int64(f.Bytes)))
	if err = errors.Join(err, file.Close()); err != nil {
		return "", nil, err
	}
	spec.Env = append(spec.Env, "INPUT_FILE="+file.Name())
	spec.Policy = spec.Policy.With([]string{file.Name()}, nil)
	return hex.EncodeToString(hash.Sum(nil)), remove, nil
}

// command is how a program is started in this workspace.
func (o *Options) command(p lab.Program) []string {
	return p.Choose(func(file string) bool {
		_, err := os.Stat(filepath.Join(o.Workspace, file))
		return err == nil
	})
}

// killer closes kill when the moment has come, unless ctx ends first.
func (s *session) killer(ctx context.Context, r *lab.Run, kill chan struct{}) {
	if s.o.Clock.Sleep(ctx, r.KillAfter.Or(0)) != nil {
		return
	}
	for r.KillWhen != "" {
		v, _, err := s.look(ctx, r.KillWhen, true)
		if err != nil {
			return
		}
		if v == true {
			break
		}
		if s.o.Clock.Sleep(ctx, firstPoll) != nil {
			return
		}
	}
	close(kill)
}

func (s *session) lines(r *lab.Run) int {
	n := 0
	if r.StdinData != "" {
		n = len(s.sets[r.StdinData].entries)
	}
	if r.Stdin != "" {
		n += strings.Count(strings.TrimSuffix(r.Stdin, "\n"), "\n") + 1
	}
	return n
}

func (s *session) spec(r *lab.Run, program lab.Program, instance int) (sandbox.Spec, error) {
	spec := sandbox.Spec{Policy: s.o.Confine.With(nil, nil, s.o.Emulator.Endpoint().Port()), Dir: s.o.Workspace,
		Env: s.o.Emulator.Endpoint().Env(), Interpreters: s.o.Interpreters,
		Timeout: s.o.late.limit(r.Timeout.Or(program.Timeout.Or(time.Minute)), leastForProgram)}
	for _, a := range append(append([]string{}, s.o.command(program)...), r.Args...) {
		v, err := s.expand(strings.ReplaceAll(a, "${instance}", fmt.Sprint(instance)))
		if err = errors.Join(err, word("argument", v)); err != nil {
			return spec, err
		}
		spec.Command = append(spec.Command, v)
	}
	for _, env := range []map[string]string{program.Env, r.Env} {
		for k, v := range env {
			v, err := s.expand(v)
			if err = errors.Join(err, word("variable "+k, v)); err != nil {
				return spec, err
			}
			spec.Env = append(spec.Env, k+"="+v)
		}
	}
	stdin, err := s.expand(r.Stdin)
	if err != nil {
		return spec, err
	}
	if r.StdinData != "" {
		stdin += string(s.sets[r.StdinData].bytes())
	}
	spec.Stdin = strings.NewReader(stdin)
	return spec, nil
}
