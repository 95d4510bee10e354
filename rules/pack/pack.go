// Package pack holds the shipped rule packs: one folder for each product and each template, without Go code.
package pack

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// files are the packs, embedded. A folder is a product; below template, a folder is a template.
//
//go:embed tables.yaml */rules.yaml */README.md */vendor.yaml template
var files embed.FS

// Source is one shipped rule file.
type Source struct {
	Product string // "" for tables and templates
	Name    string // its path in this package, "plex/rules.yaml"; used in faults
	Data    []byte
}

// Files are all shipped rule files in their fixed order: the tables, the products by name, the templates by name.
func Files() []Source {
	sources := []Source{source("", "tables.yaml")}
	var templates []Source
	for _, name := range all() {
		dir := path.Dir(name)
		if strings.HasPrefix(name, "template/") {
			templates = append(templates, source("", name))
			continue
		}
		sources = append(sources, source(dir, name))
	}
	return append(sources, templates...)
}

// README is the page of a product, or of a template as "template/NAME"; "" where there is none.
func README(product string) string {
	data, err := files.ReadFile(path.Join(product, "README.md"))
	if err != nil {
		return ""
	}
	return string(data)
}

// File is a file beside a pack's rules, such as a vendor's own list of events.
func File(product, name string) ([]byte, error) {
	return files.ReadFile(path.Join(product, name))
}

// all are the paths of every rules.yaml, sorted.
func all() []string {
	var names []string
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && path.Base(name) == "rules.yaml" {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		panic("pack: the embedded packs cannot be listed: " + err.Error())
	}
	slices.Sort(names)
	return names
}

func source(product, name string) Source {
	data, err := files.ReadFile(name)
	if err != nil {
		panic("pack: an embedded pack cannot be read: " + err.Error())
	}
	return Source{Product: product, Name: name, Data: data}
}
