package store

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Limits of an archive. They are far above what a server holds and keep a
// hostile or broken file from filling memory or disk.
const (
	maxManifest = 64 << 20
	maxEntries  = 250_000
	maxDataFile = 16 << 20 // one file of the data directory
	maxBlobFile = 16 << 30 // one file that clients shared
	maxTable    = 64 << 30 // one table
	maxTotal    = 4 << 40
	maxRow      = 16 << 20
)

// errArchive is wrapped by what is wrong with an archive.
var errArchive = errors.New("this is not a usable backup")

func badArchive(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errArchive, fmt.Errorf(format, args...))
}

// unpack writes the files of an archive below dir and returns its manifest.
// Every name, size and checksum has been verified when it returns nil.
func unpack(ctx context.Context, r io.Reader, dir *os.Root) (manifest, error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return manifest{}, badArchive("%w", err)
	}
	zip.Multistream(false)
	arc := tar.NewReader(zip)
	m, err := readManifest(arc)
	if err != nil {
		return manifest{}, err
	}
	for _, e := range m.Files {
		if err := ctx.Err(); err != nil {
			return manifest{}, err
		}
		if err := unpackFile(arc, dir, e); err != nil {
			return manifest{}, err
		}
	}
	if _, err := arc.Next(); !errors.Is(err, io.EOF) {
		return manifest{}, badArchive("there is more in it than its manifest says")
	}
	// gzip verifies its own sum at the end; only padding may be left.
	if n, err := io.Copy(io.Discard, io.LimitReader(zip, maxManifest)); err != nil || n == maxManifest {
		return manifest{}, badArchive("its end is damaged")
	}
	return m, nil
}

func readManifest(arc *tar.Reader) (manifest, error) {
	h, err := arc.Next()
	if err != nil {
		return manifest{}, badArchive("%w", err)
	}
	if h.Name != manifestName || h.Size > maxManifest {
		return manifest{}, badArchive("it does not begin with a manifest")
	}
	b, err := io.ReadAll(io.LimitReader(arc, maxManifest))
	if err != nil {
		return manifest{}, badArchive("%w", err)
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return manifest{}, badArchive("manifest: %w", err)
	}
	if m.Format != formatName {
		return manifest{}, badArchive("it is not a backup of muster")
	}
	if m.Version > formatVersion {
		return manifest{}, fmt.Errorf("%w (backup format %d)", ErrNewer, m.Version)
	}
	if err := m.check(); err != nil {
		return manifest{}, badArchive("manifest: %w", err)
	}
	return m, nil
}

// check verifies everything about a manifest that can be known without the
// files it lists.
func (m manifest) check() error {
	if m.Version < 1 || m.Schema < 1 {
		return errors.New("a version is missing")
	}
	if len(m.Files) > maxEntries {
		return fmt.Errorf("more than %d files", maxEntries)
	}
	seen := make(map[string]bool, len(m.Files))
	var total int64
	for _, e := range m.Files {
		limit := int64(maxDataFile)
		switch {
		case e.isTable():
			limit = maxTable
		case e.isBlob():
			limit = maxBlobFile
		}
		if !e.nameOK() || seen[e.Name] {
			return fmt.Errorf("unexpected name %q", e.Name)
		}
		if e.Size < 0 || e.Size > limit || e.Rows < 0 {
			return fmt.Errorf("%s: size out of range", e.Name)
		}
		if total += e.Size; total > maxTotal {
			return errors.New("too large in all")
		}
		seen[e.Name] = true
	}
	return nil
}

func (e entry) isTable() bool { return strings.HasPrefix(e.Name, tablePrefix) }

func (e entry) isBlob() bool { return strings.HasPrefix(e.Name, filePrefix+blobDir+"/") }

// nameOK reports whether the name is one that Backup could have written.
func (e entry) nameOK() bool {
	if !filepath.IsLocal(e.Name) || path.Clean(e.Name) != e.Name || strings.ContainsAny(e.Name, "\\\x00") || len(e.Name) > 512 {
		return false
	}
	if e.isBlob() {
		hash := path.Base(e.Name)
		return IsHash(hash) && hash == e.SHA256 && e.Name == filePrefix+blobDir+"/"+blobPath(hash)
	}
	if name, ok := strings.CutPrefix(e.Name, filePrefix); ok {
		top, _, nested := strings.Cut(name, "/")
		return slices.Contains(backedUp, top) && nested != (top == secretFile)
	}
	return e.isTable() && path.Dir(e.Name)+"/" == tablePrefix && path.Ext(e.Name) == ".jsonl"
}

func (e entry) table() string {
	return strings.TrimSuffix(strings.TrimPrefix(e.Name, tablePrefix), ".jsonl")
}

func unpackFile(arc *tar.Reader, dir *os.Root, e entry) error {
	h, err := arc.Next()
	if err != nil {
		return badArchive("%s is missing: %w", e.Name, err)
	}
	if h.Name != e.Name || h.Typeflag != tar.TypeReg || h.Size != e.Size {
		return badArchive("%s stands where the manifest has %s", h.Name, e.Name)
	}
	if err := dir.MkdirAll(path.Dir(e.Name), 0o700); err != nil {
		return err
	}
	out, err := newSummed(dir, e.Name)
	if err != nil {
		return err
	}
	defer out.f.Close()
	if _, err := io.Copy(out, arc); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return badArchive("%s is cut short", e.Name)
		}
		return fmt.Errorf("%s: %w", e.Name, err)
	}
	got, err := out.finish()
	if err != nil {
		return fmt.Errorf("%s: %w", e.Name, err)
	}
	if got.Size != e.Size || got.SHA256 != e.SHA256 {
		return badArchive("%s does not have the recorded checksum", e.Name)
	}
	return out.f.Sync()
}
