package files

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/store"
)

// Deps is what the service needs of the house.
type Deps struct {
	DB  *store.DB
	Bus *bus.Bus
	Log *slog.Logger
}

// Service keeps the files.
type Service struct{}

// New returns the service; it starts nothing. cfg must be valid.
func New(ctx context.Context, cfg Config, d Deps) (*Service, error) { panic("files") }

// Run removes files whose time is over and blobs that nothing names, until ctx
// ends.
func (s *Service) Run(ctx context.Context) error { panic("files") }

// MaxSize is the size of the largest file that is taken.
func (s *Service) MaxSize() int64 { panic("files") }

// Put stores what r holds. The rights are checked before r is read. A record
// with the same hash, UID, name, creator and submitter is renewed instead of
// doubled. The error wraps auth.ErrDenied, ErrTooLarge, ErrFull or ErrInvalid.
func (s *Service) Put(ctx context.Context, id auth.Identity, m Meta, r io.Reader) (File, error) {
	panic("files")
}

// Lookup returns the newest record of hash that id may read. The error wraps
// ErrNotFound, or auth.ErrDenied where there are only records of other groups.
func (s *Service) Lookup(ctx context.Context, id auth.Identity, hash string) (File, error) {
	panic("files")
}

// LookupUID is Lookup for the newest file of a UID.
func (s *Service) LookupUID(ctx context.Context, id auth.Identity, uid string) (File, error) {
	panic("files")
}

// LookupID is Lookup for one record.
func (s *Service) LookupID(ctx context.Context, id auth.Identity, record int64) (File, error) {
	panic("files")
}

// Describe returns the newest record of hash, whoever may read it: for parts that
// have decided by rights of their own (a mission's content) that it may be shown.
func (s *Service) Describe(ctx context.Context, hash string) (File, error) { panic("files") }

// Open returns the content of hash; the caller closes it. It asks for no rights:
// Lookup does.
func (s *Service) Open(hash string) (*os.File, int64, error) { panic("files") }

// Search returns the files that id may read and q describes, newest first, and
// how many there are without Offset and Limit.
func (s *Service) Search(ctx context.Context, id auth.Identity, q Query) ([]File, int, error) {
	panic("files")
}

// The changes below concern every record of hash that is id's own (or every
// record, for admins). The errors wrap ErrNotFound, auth.ErrDenied or ErrInvalid.

// SetTool makes a file Public or Private.
func (s *Service) SetTool(ctx context.Context, id auth.Identity, hash, tool string) error {
	panic("files")
}

// SetKeywords replaces the keywords.
func (s *Service) SetKeywords(ctx context.Context, id auth.Identity, hash string, keywords []string) error {
	panic("files")
}

// SetExpiration says when a file is removed; the zero Time is never.
func (s *Service) SetExpiration(ctx context.Context, id auth.Identity, hash string, t time.Time) error {
	panic("files")
}

// SetGroups gives a file to other groups, which id must be allowed to write to.
func (s *Service) SetGroups(ctx context.Context, id auth.Identity, hash string, groups []string) error {
	panic("files")
}

// SetName renames a file.
func (s *Service) SetName(ctx context.Context, id auth.Identity, hash, name string) error {
	panic("files")
}

// Delete removes the records of hash; with the last one the content goes, too.
func (s *Service) Delete(ctx context.Context, id auth.Identity, hash string) error { panic("files") }

// DeleteID removes one record.
func (s *Service) DeleteID(ctx context.Context, id auth.Identity, record int64) error {
	panic("files")
}
