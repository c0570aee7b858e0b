package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"muster/internal/store"
)

// Run saves a backup. The file is complete on the disk when it returns nil.
func (b backupCmd) Run(ctx context.Context, std streams, c *cli) (err error) {
	f, err := os.OpenFile(b.File, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s %w", b.File, errExists)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(b.File)
		}
	}()
	// A broken connection must not look like a whole archive: the end of the
	// gzip stream is checked by reading it again below.
	if err := call(ctx, c, http.MethodGet, apiPath("backup"), nil, io.Writer(f)); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	size, err := checkArchive(f)
	if err != nil {
		return fmt.Errorf("the backup did not arrive whole: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: %d bytes. Keep it as safe as the server itself.\n", b.File, size)
	return nil
}

// Run restores a backup into an empty data folder.
func (r restoreCmd) Run(ctx context.Context, std streams, c *cli) error {
	cfg, err := load(c)
	if err != nil {
		return err
	}
	f, err := os.Open(r.File)
	if err != nil {
		return err
	}
	defer f.Close()
	log := slog.New(slog.NewTextHandler(std.err, nil))
	if err := store.Restore(ctx, f, cfg.Store, c.Data, log); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "Restored into %s. Start it with 'muster serve --data %s'.\n", c.Data, c.Data)
	return nil
}

// checkArchive reads the gzip stream in f to its checksum and returns the size
// of the file.
func checkArchive(f *os.File) (int64, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, z); err != nil {
		return 0, err
	}
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}
