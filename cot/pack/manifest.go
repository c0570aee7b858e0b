package pack

import (
	"strings"

	"muster/cot/wire"
)

// ManifestName is where a mission package describes itself.
const ManifestName = "MANIFEST/manifest.xml"

const maxManifest = 4 << 20 // bytes

// Param is a parameter of a package or of one of its entries.
type Param struct{ Name, Value string }

// Manifest describes a mission package.
type Manifest struct {
	UID, Name       string
	OnReceiveDelete bool    // the receiver deletes the package once it is imported
	OnReceiveImport bool    // the receiver imports it at once
	Params          []Param // all of the configuration, those above included
	Contents        []Content
}

// Content is an entry that a manifest lists.
type Content struct {
	Path   string
	Ignore bool // it was deleted by its user and is not to be imported
	Params []Param
}

// Param returns the value of a parameter, or "".
func (c Content) Param(name string) string { return param(c.Params, name) }

func param(all []Param, name string) string {
	for _, p := range all {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// Manifest reads the description of a mission package. The error wraps
// ErrNoEntry where there is none, and ErrArchive.
func (a *Archive) Manifest() (Manifest, error) {
	name := a.Find(ManifestName)
	if name == "" {
		return Manifest{}, ErrNoEntry
	}
	b, err := a.Read(name, maxManifest)
	if err != nil {
		return Manifest{}, err
	}
	return ParseManifest(b)
}

// ParseManifest reads the XML of a manifest. Errors wrap ErrArchive. Paths are
// local names; that there are entries for them is not checked.
func ParseManifest(b []byte) (Manifest, error) {
	root, err := wire.ParseElement(b, wire.Limits{Event: maxManifest, Depth: 16, Attrs: 32})
	if err != nil {
		return Manifest{}, bad("manifest: %w", err)
	}
	if root.Name != "MissionPackageManifest" {
		return Manifest{}, bad("manifest: the element is called %q", root.Name)
	}
	m := Manifest{OnReceiveImport: true}
	if conf, ok := root.Child("Configuration"); ok {
		m.Params = params(conf)
	}
	m.UID, m.Name = param(m.Params, "uid"), param(m.Params, "name")
	m.OnReceiveDelete = strings.EqualFold(param(m.Params, "onReceiveDelete"), "true")
	m.OnReceiveImport = !strings.EqualFold(param(m.Params, "onReceiveImport"), "false")
	contents, ok := root.Child("Contents")
	if !ok {
		return m, nil
	}
	for el := range contents.Children() {
		if el.Name != "Content" {
			continue
		}
		c := Content{
			Path:   strings.ReplaceAll(el.Attr("zipEntry"), `\`, "/"),
			Ignore: strings.EqualFold(el.Attr("ignore"), "true"),
			Params: params(el),
		}
		if !LocalName(c.Path) {
			return Manifest{}, bad("manifest: an entry has a name that cannot be used")
		}
		m.Contents = append(m.Contents, c)
	}
	return m, nil
}

func params(el wire.Element) []Param {
	var out []Param
	for p := range el.Children() {
		if p.Name == "Parameter" {
			out = append(out, Param{p.Attr("name"), p.Attr("value")})
		}
	}
	return out
}
