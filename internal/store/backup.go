package store

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/uptrace/bun"
)

const (
	formatName    = "muster backup"
	formatVersion = 2 // from 2 on it may hold blobs
	manifestName  = "manifest.json"
	tablePrefix   = "tables/" // one JSON-lines file per table
	filePrefix    = "files/"  // files of the data directory

	backupDirPattern = ".backup-*"
)

// backedUp names the files and directories of the data directory that belong
// into a backup beside the tables. Blobs are written from where they lie; the
// others are copied first.
var backedUp = []string{secretFile, "pki", blobDir}

// manifest is the first file of a backup. What it does not list is not part of
// the backup.
type manifest struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Created time.Time `json:"created"`
	Schema  int64     `json:"schema"` // of the tables
	Files   []entry   `json:"files"`  // in the order of the archive
}

type entry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Rows   int64  `json:"rows,omitempty"` // of a table
}

// Backup writes everything that a new machine needs to w, while the server
// runs: all tables as of one moment, the certificate authority and the secret
// key. It is a gzipped tar archive that opens into either database.
//
// The archive holds private keys and password hashes: it must be kept as the
// server itself is.
func (d *DB) Backup(ctx context.Context, w io.Writer) error {
	if err := d.backup(ctx, w); err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	return nil
}

func (d *DB) backup(ctx context.Context, w io.Writer) error {
	// Sizes and sums stand at the front of the archive, so the tables are
	// written out first, beside the data (which is private) and not in /tmp.
	work, err := os.MkdirTemp(d.dir, backupDirPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	dir, err := os.OpenRoot(work)
	if err != nil {
		return err
	}
	defer dir.Close()

	// What the tables name as of now must be there until it is written.
	release, err := d.blobs.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	m := manifest{Format: formatName, Version: 1, Created: time.Now().UTC().Truncate(time.Second)}
	if m.Schema, err = d.version(ctx); err != nil {
		return err
	}
	if err := d.dumpTables(ctx, dir, &m); err != nil {
		return err
	}
	if err := d.copyFiles(ctx, dir, &m); err != nil {
		return err
	}
	if err := d.listBlobs(ctx, &m); err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return err // better now than when it is needed
	}
	return d.writeArchive(ctx, w, dir, m)
}

// listBlobs adds the blobs, which are known by their names.
func (d *DB) listBlobs(ctx context.Context, m *manifest) error {
	return d.blobs.Walk(ctx, func(b Blob, _ time.Time) error {
		m.Version = formatVersion
		m.Files = append(m.Files, entry{Name: filePrefix + blobDir + "/" + blobPath(b.Hash), Size: b.Size, SHA256: b.Hash})
		return nil
	})
}

// dumpTables writes all tables inside one transaction that sees one state.
func (d *DB) dumpTables(ctx context.Context, dir *os.Root, m *manifest) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if d.postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	if err := dir.Mkdir("tables", 0o700); err != nil {
		return err
	}
	return d.read.RunInTx(ctx, opts, func(ctx context.Context, tx bun.Tx) error {
		names, cols, err := tables(ctx, tx, d.postgres)
		if err != nil {
			return err
		}
		for _, name := range names {
			e, err := dumpTable(ctx, tx, dir, name, cols[name])
			if err != nil {
				return fmt.Errorf("table %s: %w", name, err)
			}
			m.Files = append(m.Files, e)
		}
		return nil
	})
}

// dumpTable writes one JSON object per row.
func dumpTable(ctx context.Context, tx bun.Tx, dir *os.Root, name string, cols []column) (entry, error) {
	out, err := newSummed(dir, tablePrefix+name+".jsonl")
	if err != nil {
		return entry{}, err
	}
	defer out.f.Close()
	rows, err := tx.QueryContext(ctx, "SELECT "+columnList(cols)+" FROM "+quote(name))
	if err != nil {
		return entry{}, err
	}
	defer rows.Close()
	enc := json.NewEncoder(out)
	for rows.Next() {
		row, err := scanRow(rows, cols)
		if err != nil {
			return entry{}, err
		}
		if err := enc.Encode(row); err != nil {
			return entry{}, err
		}
		out.entry.Rows++
	}
	if err := rows.Err(); err != nil {
		return entry{}, err
	}
	return out.finish()
}

func scanRow(rows *sql.Rows, cols []column) (map[string]any, error) {
	dest := make([]any, len(cols))
	for i, c := range cols {
		switch c.kind {
		case "text":
			dest[i] = new(sql.NullString)
		case "bigint":
			dest[i] = new(sql.NullInt64)
		case "boolean":
			dest[i] = new(sql.NullBool)
		case "double precision":
			dest[i] = new(sql.NullFloat64)
		default:
			return nil, fmt.Errorf("column %s has type %q, which a backup cannot hold", c.name, c.kind)
		}
	}
	if err := rows.Scan(dest...); err != nil {
		return nil, err
	}
	row := make(map[string]any, len(cols))
	for i, c := range cols {
		switch v := dest[i].(type) {
		case *sql.NullString:
			row[c.name] = orNil(v.Valid, v.String)
		case *sql.NullInt64:
			row[c.name] = orNil(v.Valid, v.Int64)
		case *sql.NullBool:
			row[c.name] = orNil(v.Valid, v.Bool)
		case *sql.NullFloat64:
			row[c.name] = orNil(v.Valid, v.Float64)
		}
	}
	return row, nil
}

func orNil(valid bool, v any) any {
	if !valid {
		return nil
	}
	return v
}

// copyFiles copies what backedUp names, where it exists. Links and other
// special files are not followed.
func (d *DB) copyFiles(ctx context.Context, dir *os.Root, m *manifest) error {
	data, err := os.OpenRoot(d.dir)
	if err != nil {
		return err
	}
	defer data.Close()
	for _, top := range backedUp {
		if top == blobDir {
			continue
		}
		err := fs.WalkDir(data.FS(), top, func(name string, e fs.DirEntry, err error) error {
			if err != nil || ctx.Err() != nil || !e.Type().IsRegular() {
				if name == top && errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				return errors.Join(err, ctx.Err())
			}
			ent, err := copyFile(data, dir, name)
			if err != nil {
				return err
			}
			m.Files = append(m.Files, ent)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(data, dir *os.Root, name string) (entry, error) {
	in, err := data.Open(name)
	if err != nil {
		return entry{}, err
	}
	defer in.Close()
	if err := dir.MkdirAll(path.Dir(filePrefix+name), 0o700); err != nil {
		return entry{}, err
	}
	out, err := newSummed(dir, filePrefix+name)
	if err != nil {
		return entry{}, err
	}
	defer out.f.Close()
	n, err := io.Copy(out, io.LimitReader(in, maxDataFile+1))
	if err != nil {
		return entry{}, err
	}
	if n > maxDataFile {
		return entry{}, fmt.Errorf("%s is larger than %d bytes", name, maxDataFile)
	}
	return out.finish()
}

func (d *DB) writeArchive(ctx context.Context, w io.Writer, dir *os.Root, m manifest) error {
	zip := gzip.NewWriter(w)
	arc := tar.NewWriter(zip)
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := arc.WriteHeader(header(manifestName, int64(len(head)), m.Created)); err != nil {
		return err
	}
	if _, err := arc.Write(head); err != nil {
		return err
	}
	for _, e := range m.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if e.isBlob() {
			err = d.addBlob(ctx, arc, e, m.Created)
		} else {
			err = addFile(arc, dir, e, m.Created)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return errors.Join(arc.Close(), zip.Close())
}

func addFile(arc *tar.Writer, dir *os.Root, e entry, t time.Time) error {
	f, err := dir.Open(filepath.FromSlash(e.Name))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := arc.WriteHeader(header(e.Name, e.Size, t)); err != nil {
		return err
	}
	_, err = io.Copy(arc, f)
	return err
}

// addBlob writes a blob, and finds out on the way whether it is what its name
// says.
func (d *DB) addBlob(ctx context.Context, arc *tar.Writer, e entry, t time.Time) error {
	f, size, err := d.blobs.Open(e.SHA256)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := arc.WriteHeader(header(e.Name, e.Size, t)); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(arc, sum), contextReader{ctx, f}); err != nil {
		return err
	}
	if size != e.Size || hex.EncodeToString(sum.Sum(nil)) != e.SHA256 {
		return errors.New("the file is damaged on the disk; delete it in the pages, then make the backup again")
	}
	return nil
}

func header(name string, size int64, t time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: t, Format: tar.FormatPAX}
}

// summed is a file that knows its size and SHA-256.
type summed struct {
	f     *os.File
	buf   *bufio.Writer
	sum   hash.Hash
	entry entry
}

func newSummed(dir *os.Root, name string) (*summed, error) {
	f, err := dir.OpenFile(filepath.FromSlash(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &summed{f: f, buf: bufio.NewWriterSize(f, 64<<10), sum: sha256.New(), entry: entry{Name: name}}, nil
}

func (s *summed) Write(p []byte) (int, error) {
	n, err := s.buf.Write(p)
	s.sum.Write(p[:n])
	s.entry.Size += int64(n)
	return n, err
}

func (s *summed) finish() (entry, error) {
	if err := s.buf.Flush(); err != nil {
		return entry{}, err
	}
	s.entry.SHA256 = hex.EncodeToString(s.sum.Sum(nil))
	return s.entry, nil
}
