// Package pack is the one place where zip archives are read and made: mission
// packages, preference files, connection packages and icon sets. It is pure:
// archives are read where they lie, nothing is ever unpacked to a disk.
package pack

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrArchive is wrapped by every complaint about an archive that was received.
var ErrArchive = errors.New("this is not a usable package")

// ErrNoEntry is returned for an entry that an archive does not have.
var ErrNoEntry = errors.New("the package has no such entry")

// Limits bound what an archive may hold. The zero value is not usable.
type Limits struct {
	Entries int
	Entry   int64 // bytes of one entry, unpacked
	Total   int64 // bytes of all entries, unpacked
	Ratio   int64 // of an entry's size to its compressed size; entries below 1 MiB are not looked at
}

// DefaultLimits returns 2,000 entries, 512 MiB each, 2 GiB in all, 200 to 1.
func DefaultLimits() Limits {
	return Limits{Entries: 2000, Entry: 512 << 20, Total: 2 << 30, Ratio: 200}
}

const (
	maxName     = 512     // bytes of an entry's name
	ratioFrom   = 1 << 20 // smaller entries cannot hurt
	directory   = 46 + maxName + 512
	directories = 256 << 10 // for finding the directory
)

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrArchive, fmt.Errorf(format, args...))
}

// Archive is a zip archive whose directory has been checked: names are local and
// unique, no entry is a link or encrypted, none overlap, and the sizes are within
// the limits. Its methods may be used by several goroutines if its reader may.
type Archive struct {
	files map[string]*zip.File
	names []string
}

// rationed gives up when more is read than the directory may be long, before
// memory is spent on what was read.
type rationed struct {
	r    io.ReaderAt
	left int64 // negative: without end
}

var errRation = errors.New("its directory is too long")

func (r *rationed) ReadAt(p []byte, off int64) (int, error) {
	if r.left >= 0 {
		if r.left -= int64(len(p)); r.left < 0 {
			r.left = 0
			return 0, errRation
		}
	}
	return r.r.ReadAt(p, off)
}

// Open checks the directory of the archive in r, which is size bytes long. Errors
// wrap ErrArchive.
func Open(r io.ReaderAt, size int64, l Limits) (*Archive, error) {
	in := &rationed{r: r, left: directories + int64(l.Entries)*directory}
	z, err := zip.NewReader(in, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are checked below
		return nil, bad("%w", err)
	}
	in.left = -1
	if len(z.File) > l.Entries {
		return nil, bad("it has more than %d entries", l.Entries)
	}
	a := &Archive{files: make(map[string]*zip.File, len(z.File))}
	var total int64
	for _, f := range z.File {
		if err := a.add(f, l); err != nil {
			return nil, err
		}
		if total += int64(f.UncompressedSize64); total > l.Total {
			return nil, bad("it is too large in all")
		}
	}
	if err := a.checkOverlap(size); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Archive) add(f *zip.File, l Limits) error {
	// Windows programs write backslashes, against the format.
	name := strings.ReplaceAll(f.Name, `\`, "/")
	dir := strings.HasSuffix(name, "/")
	name = strings.TrimSuffix(name, "/")
	if !LocalName(name) {
		return bad("an entry has a name that cannot be used")
	}
	if mode := f.Mode(); mode&fs.ModeType != 0 && (!dir || mode&fs.ModeType != fs.ModeDir) {
		return bad("%q is no file", name)
	}
	if dir {
		if f.UncompressedSize64 != 0 {
			return bad("%q is a folder with content", name)
		}
		return nil
	}
	switch {
	case a.files[name] != nil:
		return bad("%q is in it twice", name)
	case f.Flags&1 != 0:
		return bad("%q is encrypted", name)
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return bad("%q is compressed in a way that is not supported", name)
	case f.UncompressedSize64 > uint64(l.Entry):
		return bad("%q is too large", name)
	case f.UncompressedSize64 > ratioFrom && f.UncompressedSize64/max(f.CompressedSize64, 1) > uint64(l.Ratio):
		return bad("%q unpacks to too much", name)
	}
	a.files[name] = f
	a.names = append(a.names, name)
	return nil
}

// checkOverlap refuses entries that share bytes, the way to hide much in little.
func (a *Archive) checkOverlap(size int64) error {
	type span struct{ from, to int64 }
	spans := make([]span, 0, len(a.files))
	for name, f := range a.files {
		from, err := f.DataOffset()
		if err != nil {
			return bad("%q: %w", name, err)
		}
		if from < 0 || f.CompressedSize64 > uint64(size) || from+int64(f.CompressedSize64) > size {
			return bad("%q reaches beyond its end", name)
		}
		spans = append(spans, span{from, from + int64(f.CompressedSize64)})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return bad("entries overlap")
		}
	}
	return nil
}

// LocalName reports whether name, with slashes, may name an entry: relative,
// within its folder, clean, printable, and not too long.
func LocalName(name string) bool {
	if name == "" || name == "." || len(name) > maxName || !utf8.ValidString(name) ||
		path.Clean(name) != name || !filepath.IsLocal(name) || strings.ContainsAny(name, `\:*?"<>|`) {
		return false
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}

// FileName makes a name of at most 200 bytes for a Content-Disposition, a zip
// entry or a list out of what a client says: the last part of a path without
// control characters and what file systems forbid; "" where nothing is left.
func FileName(s string) string {
	s = strings.ReplaceAll(s, `\`, "/")
	s = s[strings.LastIndexByte(s, '/')+1:]
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || !unicode.IsPrint(r) || strings.ContainsRune(`:*?"<>|`, r) {
			return -1
		}
		return r
	}, s)
	for len(s) > 200 {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return strings.Trim(s, ". ")
}

// Names lists the entries that are files, in the order of the archive.
func (a *Archive) Names() []string { return slices.Clone(a.names) }

// Size returns how long an entry is, unpacked; -1 if there is no such entry.
func (a *Archive) Size(name string) int64 {
	f := a.files[name]
	if f == nil {
		return -1
	}
	return int64(f.UncompressedSize64)
}

// Read returns the content of an entry of at most limit bytes. The error wraps
// ErrNoEntry or ErrArchive.
func (a *Archive) Read(name string, limit int64) ([]byte, error) {
	f := a.files[name]
	if f == nil {
		return nil, ErrNoEntry
	}
	if f.UncompressedSize64 > uint64(limit) {
		return nil, bad("%q is too large", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, bad("%q: %w", name, err)
	}
	defer r.Close()
	// The size in the directory is only a claim.
	b, err := io.ReadAll(io.LimitReader(r, int64(f.UncompressedSize64)+1))
	if err != nil {
		return nil, bad("%q: %w", name, err)
	}
	if uint64(len(b)) != f.UncompressedSize64 {
		return nil, bad("%q is not as long as it says", name)
	}
	return b, nil
}

// Find returns the name of the first entry that equals name without regard to
// case, or "".
func (a *Archive) Find(name string) string {
	for _, n := range a.names {
		if strings.EqualFold(n, name) {
			return n
		}
	}
	return ""
}
