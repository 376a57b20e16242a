// Command gen writes the compact API models that package wire reads, and the
// table of what routing needs of them. It takes them from the botocore wheel
// (Apache-2.0), the newest published form of AWS's own API models:
//
//	cd internal/aws/wire && pip download --no-deps botocore==1.44.5 && go generate
//
// A service is named by its SDK package. With -services that are the folders of
// a folder, so that a new service needs no more than its own. Documentation and
// examples are dropped; everything else stays as AWS wrote it.
package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"go/format"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

func main() {
	services := flag.String("services", "", "folder whose folders are named as the services")
	names := flag.String("names", "", "further services, separated by commas")
	table := flag.String("table", "", "Go file to write what routing needs into")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen [-services FOLDER] [-names A,B] [-table FILE] BOTOCORE.whl FOLDER")
		os.Exit(2)
	}
	wanted, err := list(*services, *names)
	if err == nil {
		err = run(flag.Arg(0), flag.Arg(1), *table, wanted)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// list is the services that are wanted, sorted.
func list(folder, names string) ([]string, error) {
	var wanted []string
	if names != "" {
		wanted = strings.Split(names, ",")
	}
	if folder != "" {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.IsDir() {
				wanted = append(wanted, e.Name())
			}
		}
	}
	slices.Sort(wanted)
	return wanted, nil
}

func run(wheel, out, table string, wanted []string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer z.Close() //nolint:errcheck // only read
	places, err := places(&z.Reader)
	if err != nil {
		return err
	}
	var apis []wire.API
	for _, name := range wanted {
		place, ok := places[name]
		if !ok {
			return fmt.Errorf("no model in the wheel has the SDK package name %q", name)
		}
		doc, err := load(z, place)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		prune(doc)
		b, err := pack(doc)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, name+".json.gz"), b, 0o644); err != nil {
			return err
		}
		a, err := wire.ReadAPI(name, b)
		if err != nil {
			return err
		}
		apis = append(apis, a)
	}
	if table == "" {
		return nil
	}
	return writeTable(table, apis)
}

// places finds the newest model of every service by the name of its SDK package,
// which is its id in lower case without spaces and dashes.
func places(z *zip.Reader) (map[string]string, error) {
	id := regexp.MustCompile(`"serviceId"\s*:\s*"([^"]+)"`)
	found := map[string]string{}
	for _, f := range z.File { // later versions come later
		if !strings.HasPrefix(f.Name, "botocore/data/") || !strings.HasSuffix(f.Name, "/service-2.json.gz") {
			continue
		}
		head, err := start(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		m := id.FindSubmatch(head)
		if m == nil {
			return nil, fmt.Errorf("%s: no serviceId in its metadata", f.Name)
		}
		name := strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(string(m[1])))
		if found[name] < f.Name {
			found[name] = f.Name
		}
	}
	return found, nil
}

// start is the beginning of a model, where its metadata are.
func start(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	u, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(u, 4096))
}

func load(z *zip.ReadCloser, path string) (map[string]any, error) {
	f, err := z.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
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

// pack writes the same bytes for the same model: keys are sorted and the gzip
// header carries no time.
func pack(doc any) ([]byte, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// writeTable writes the fields that are set, so that a difference is easy to
// read.
func writeTable(path string, apis []wire.API) error {
	var b bytes.Buffer
	b.WriteString("// Code generated by gen; DO NOT EDIT.\n\npackage wire\n\n" +
		"// knownServices are the services whose models are embedded.\nvar knownServices = map[string]API{\n")
	for _, a := range apis {
		fmt.Fprintf(&b, "%q: {Endpoint: %q, Signing: %q,", a.Name, a.Endpoint, a.Signing)
		if a.Target != "" {
			fmt.Fprintf(&b, " Target: %q,", a.Target)
		}
		fmt.Fprintf(&b, "\nVersion: %q, Protocol: %q, Signature: %q, Query: %t,", a.Version, a.Protocol, a.Signature, a.Query)
		if len(a.Roots) > 0 {
			fmt.Fprintf(&b, "\nRoots: []string{\n")
			for _, r := range a.Roots {
				fmt.Fprintf(&b, "%q,\n", r)
			}
			b.WriteString("},")
		}
		b.WriteString("\n},\n")
	}
	b.WriteString("}\n")
	out, err := format.Source(b.Bytes())
	if err != nil {
		return err
	}
	return os.WriteFile(path, out, 0o644)
}
