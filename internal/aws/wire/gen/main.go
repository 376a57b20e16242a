// Command gen writes the compact API models that package wire embeds. It reads
// them from the botocore wheel (Apache-2.0), the newest published form of
// AWS's own API models:
//
//	pip download --no-deps botocore==1.44.5
//	go run ./internal/aws/wire/gen botocore-1.44.5-py3-none-any.whl internal/aws/wire/models
//
// Documentation and examples are dropped; everything else stays as AWS wrote it.
package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// models maps the SDK's package name to the model's place in the wheel.
var models = map[string]string{
	"cloudformation":  "cloudformation/2010-05-15",
	"cloudwatchlogs":  "logs/2014-03-28",
	"dynamodb":        "dynamodb/2012-08-10",
	"dynamodbstreams": "dynamodbstreams/2012-08-10",
	"iam":             "iam/2010-05-08",
	"kinesis":         "kinesis/2013-12-02",
	"lambda":          "lambda/2015-03-31",
	"s3":              "s3/2006-03-01",
	"sqs":             "sqs/2012-11-05",
	"sts":             "sts/2011-06-15",
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen BOTOCORE.whl FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(wheel, out string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer z.Close() //nolint:errcheck // only read
	for name, place := range models {
		doc, err := load(z, "botocore/data/"+place+"/service-2.json")
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		prune(doc)
		if err := save(filepath.Join(out, name+".json.gz"), doc); err != nil {
			return err
		}
	}
	return nil
}

func load(z *zip.ReadCloser, path string) (map[string]any, error) {
	var r io.Reader
	f, err := z.Open(path + ".gz")
	if err != nil {
		if f, err = z.Open(path); err != nil {
			return nil, err
		}
		r = f
	} else if r, err = gzip.NewReader(f); err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	var doc map[string]any
	return doc, json.NewDecoder(r).Decode(&doc)
}

// prune drops what only a reader of the documentation needs. Members of a
// structure may be called "documentation", so it looks at values: prose is a
// string, a member is an object.
func prune(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range []string{"documentation", "documentationUrl"} {
			if _, prose := v[k].(string); prose {
				delete(v, k)
			}
		}
		for _, k := range []string{"examples", "endpointRuleSet"} {
			delete(v, k)
		}
		for _, e := range v {
			prune(e)
		}
	case []any:
		for _, e := range v {
			prune(e)
		}
	}
}

// save writes the same bytes for the same model: keys are sorted and the gzip
// header carries no time.
func save(path string, doc any) error {
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, buf.Bytes(), 0o644)
}
