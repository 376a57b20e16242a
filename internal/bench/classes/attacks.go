package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// programs of attacks, each to be run before whatever the submission does; what they
// start with says what they try.
//
//go:embed hostile/*.py
var attackSources embed.FS

// seat is where a member of a class hands in, and next to whom.
type seat struct {
	class     string // folder of the class
	learner   string // name of the learner's folder there
	lab       string // what is handed in is in a folder of this name
	neighbour string // an honest learner and what they hand in, from the class' folder
	again     bool   // the second of its kind, which may do it another way
}

// tree is the folder that is handed in.
func (s *seat) tree() string { return filepath.Join(s.class, s.learner, s.lab) }

// attack makes a submission hostile that is an ordinary one until then.
type attack struct {
	name string
	lay  func(*seat) error
}

// attacks are all of them in a fixed order.
func attacks() ([]attack, error) {
	out := []attack{{"preload", preload}, {"script", script}, {"nested", nested}, {"bomb", bomb}, {"tape", tape},
		{"link", link}, {"pipe", pipe}, {"borrow", borrow}, {"branches", branches}, {"manifest", forged},
		{"hidden", hidden}}
	sources, err := fs.ReadDir(attackSources, "hostile")
	if err != nil {
		return nil, err
	}
	for _, f := range sources {
		b, err := fs.ReadFile(attackSources, path.Join("hostile", f.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, attack{strings.TrimSuffix(f.Name(), ".py"), func(s *seat) error { return s.before(string(b)) }})
	}
	slices.SortFunc(out, func(a, b attack) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// before puts a text in front of the program that is run first.
func (s *seat) before(text string) error {
	name := filepath.Join(s.tree(), "src", programs[s.lab])
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, append([]byte(text), b...), 0o600)
}

// write puts a file into what is handed in.
func (s *seat) write(name, text string) error {
	full := filepath.Join(s.tree(), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	return os.WriteFile(full, []byte(text), 0o600)
}

// preload has the loader and the interpreters load something, where there is a
// function whose environment can say so; elsewhere it is what Python finds first.
func preload(s *seat) error {
	const payload = "import os, signal\nfor victim in (os.getppid(), 1):\n    try:\n" +
		"        os.kill(victim, signal.SIGKILL)\n    except OSError:\n        pass\n"
	for _, name := range []string{"sitecustomize.py", "src/sitecustomize.py", "src/json.py"} {
		if err := s.write(name, payload); err != nil {
			return err
		}
	}
	name := filepath.Join(s.tree(), "template.yaml")
	b, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(strings.ReplaceAll(string(b), "        Variables:\n", "        Variables:\n"+
		"          LD_PRELOAD: ./src/k.so\n          LD_AUDIT: ./src/k.so\n          PYTHONPATH: src\n"+
		"          PYTHONSTARTUP: src/json.py\n")), 0o600)
}

// script deploys by a script that never comes to its end, or leaves no outputs that
// can be read.
func script(s *seat) error {
	text := "mkfifo pipe; rm -f \"$PIPELAB_OUTPUTS\"; ln -s /dev/zero \"$PIPELAB_OUTPUTS\"; kill -9 $PPID\n"
	if s.again {
		text = "trap '' TERM INT HUP; while :; do sleep 1000 & wait; done\n"
	}
	if err := os.RemoveAll(filepath.Join(s.tree(), "template.yaml")); err != nil {
		return err
	}
	return s.write("deploy.sh", text)
}

// nested is a template that is small and large once it is read.
func nested(s *seat) error {
	if !s.again {
		return s.write("template.yaml", "Resources: "+strings.Repeat("[", 100_000)+"\n")
	}
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		fmt.Fprintf(&b, "a%d: &a%[1]d [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	return s.write("template.yaml", b.String()+"Resources: *a12\n")
}

// link is the neighbour's work by another name.
func link(s *seat) error {
	if s.again {
		src := filepath.Join(s.tree(), "src")
		if err := os.RemoveAll(src); err != nil {
			return err
		}
		return os.Symlink(filepath.Join("..", "..", s.neighbour, "src"), src)
	}
	if err := os.RemoveAll(s.tree()); err != nil {
		return err
	}
	return os.Symlink(filepath.Join("..", s.neighbour), s.tree())
}

// forged is a manifest that says it is the neighbour's, and was first.
func forged(s *seat) error {
	who := filepath.Dir(s.neighbour)
	return s.write("pipelab-submission.json", `{"version":1,"learner":"`+who+`","lab":"`+s.lab+
		`","submitted":"2020-01-01T00:00:00Z","files":{},"points":100}`)
}

// hidden has the work in files that no list shows.
func hidden(s *seat) error {
	main := filepath.Join(s.tree(), "src", programs[s.lab])
	b, err := os.ReadFile(main)
	if err != nil {
		return err
	}
	for _, name := range []string{"src/__pycache__/" + programs[s.lab], ".pytest_cache/x.py", ".venv/x.py"} {
		if err := s.write(name, string(b)); err != nil {
			return err
		}
	}
	return os.WriteFile(main, []byte("import os, runpy\nfor place in ('src/__pycache__', '.pytest_cache', '.venv'):\n"+
		"    for name in os.listdir(place) if os.path.isdir(place) else []:\n"+
		"        runpy.run_path(place + '/' + name)\n"), 0o600)
}
