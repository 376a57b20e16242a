package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Template is the name of the template in a folder, "" when it has none: template.yaml,
// or else, where there is no deploy.sh that may use it, the one file that has an ending
// of templates (.yml, .json, .template) or is written in capitals, as systems have it
// that do not tell them apart. Several such files are a FolderError.
func Template(folder string) (string, error) {
	for _, name := range Files() {
		_, err := os.Lstat(filepath.Join(folder, name))
		switch {
		case err == nil && name == TemplateFile:
			return name, nil
		case err == nil:
			return "", nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if slices.Contains(likely(), strings.ToLower(e.Name())) {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	return "", &FolderError{fmt.Sprintf("%s can each be the template: keep one, or call it %s",
		strings.Join(found, " and "), TemplateFile)}
}

// likely are the names of templates that AWS's tools look for or write.
// Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-cli-command-reference-sam-deploy.html
func likely() []string {
	return []string{"template.yaml", "template.yml", "template.json", "template.template"}
}

// Deployable reports whether a folder holds something to deploy, or to choose from.
func Deployable(folder string) bool {
	if _, err := os.Lstat(filepath.Join(folder, ScriptFile)); err == nil {
		return true
	}
	name, err := Template(folder)
	var choice *FolderError
	return name != "" || errors.As(err, &choice)
}
