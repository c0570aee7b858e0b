package pack

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// stamp is the time of every entry, so that the same content gives the same
// bytes.
var stamp = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Builder makes a mission package. What it makes depends on nothing but what it
// is given.
type Builder struct {
	UID, Name       string  // an empty UID is made from the name and the entries' names
	OnReceiveDelete bool    // the receiver deletes the package once it is imported
	KeepClosed      bool    // the receiver does not import it by itself
	Params          []Param // further ones of the configuration
	Plain           bool    // a zip without manifest

	entries []entry
	err     error
}

type entry struct {
	path   string
	data   []byte
	open   func() (io.ReadCloser, error)
	params []Param
}

// Add adds an entry. The builder keeps data.
func (b *Builder) Add(path string, data []byte, params ...Param) {
	b.add(entry{path: path, data: data, params: params})
}

// AddFile adds an entry that is read when the package is written.
func (b *Builder) AddFile(path string, open func() (io.ReadCloser, error), params ...Param) {
	b.add(entry{path: path, open: open, params: params})
}

func (b *Builder) add(e entry) {
	if !LocalName(e.path) {
		b.err = errors.Join(b.err, fmt.Errorf("pack: %q cannot be the name of an entry", e.path))
		return
	}
	for _, have := range b.entries {
		if have.path == e.path {
			b.err = errors.Join(b.err, fmt.Errorf("pack: %q is added twice", e.path))
			return
		}
	}
	b.entries = append(b.entries, e)
}

// Empty reports whether nothing has been added.
func (b *Builder) Empty() bool { return len(b.entries) == 0 }

// Bytes returns the package.
func (b *Builder) Bytes() ([]byte, error) {
	var out bytes.Buffer
	err := b.Write(&out)
	return out.Bytes(), err
}

// Write writes the package to w.
func (b *Builder) Write(w io.Writer) error {
	if b.err != nil {
		return b.err
	}
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	if !b.Plain {
		if err := addBytes(z, ManifestName, b.manifest()); err != nil {
			return fmt.Errorf("pack: %w", err)
		}
	}
	for _, e := range b.entries {
		if err := e.write(z); err != nil {
			return fmt.Errorf("pack: %s: %w", e.path, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return nil
}

func (e entry) write(z *zip.Writer) error {
	if e.open == nil {
		return addBytes(z, e.path, e.data)
	}
	r, err := e.open()
	if err != nil {
		return err
	}
	defer r.Close()
	// Compressed, since sizes behind the data are allowed only then: some
	// readers take an archive from front to back.
	w, err := z.CreateHeader(&zip.FileHeader{Name: e.path, Method: zip.Deflate, Modified: stamp})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

// addBytes adds an entry with its sizes in front.
func addBytes(z *zip.Writer, name string, data []byte) error {
	var packed bytes.Buffer
	c, err := flate.NewWriter(&packed, flate.DefaultCompression)
	if err != nil {
		return err
	}
	if _, err := c.Write(data); err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return err
	}
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: stamp, CRC32: crc32.ChecksumIEEE(data)}
	body := packed.Bytes()
	if len(body) >= len(data) {
		h.Method, body = zip.Store, data
	}
	h.CompressedSize64, h.UncompressedSize64 = uint64(len(body)), uint64(len(data))
	w, err := z.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// manifest writes version 2 of the mission package manifest.
func (b *Builder) manifest() []byte {
	uid := b.UID
	if uid == "" {
		uid = b.derive()
	}
	out := []byte("<MissionPackageManifest version=\"2\">\n  <Configuration>\n")
	for _, p := range append([]Param{
		{"uid", uid}, {"name", b.Name},
		{"onReceiveDelete", boolean(b.OnReceiveDelete)}, {"onReceiveImport", boolean(!b.KeepClosed)},
	}, b.Params...) {
		out = appendParam(append(out, "    "...), p)
		out = append(out, '\n')
	}
	out = append(out, "  </Configuration>\n  <Contents>\n"...)
	for _, e := range b.entries {
		out = append(out, `    <Content ignore="false" zipEntry="`...)
		out = appendEscaped(out, e.path, false)
		if len(e.params) == 0 {
			out = append(out, "\"/>\n"...)
			continue
		}
		out = append(out, `">`...)
		for _, p := range e.params {
			out = appendParam(out, p)
		}
		out = append(out, "</Content>\n"...)
	}
	return append(out, "  </Contents>\n</MissionPackageManifest>\n"...)
}

func appendParam(out []byte, p Param) []byte {
	out = append(out, `<Parameter name="`...)
	out = appendEscaped(out, p.Name, false)
	out = append(out, `" value="`...)
	out = appendEscaped(out, p.Value, false)
	return append(out, `"/>`...)
}

// derive makes a UID in the form of a UUID (RFC 9562 version 8).
func (b *Builder) derive() string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q", b.Name)
	for _, e := range b.entries {
		fmt.Fprintf(sum, "%q", e.path)
	}
	u := sum.Sum(nil)[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
