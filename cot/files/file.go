// Package files keeps what clients share: the files of enterprise sync with
// their metadata and groups, device profiles, the packages of the update server
// and icon sets. Contents are blobs of the store, named by their SHA-256; several
// records may share one.
//
// What a method that changes something has returned nil for is on the disk.
package files

import (
	"errors"
	"time"
)

// The errors that callers tell apart. Rights are refused by errors that wrap
// auth.ErrDenied.
var (
	ErrNotFound = errors.New("there is no such file")
	ErrTooLarge = errors.New("the file is larger than allowed")
	ErrFull     = errors.New("there is no room for the file")
	ErrInvalid  = errors.New("invalid")
	ErrExists   = errors.New("exists already")
)

// The values of File.Tool that have a meaning to the server: a public file is
// listed for everybody who may read it; a private one was sent to somebody, and
// clients list it only when they ask for it. Both are readable by the same people.
const (
	Public  = "public"
	Private = "private"
)

// KeywordPackage marks mission packages; ATAK lists files that have it.
const KeywordPackage = "missionpackage"

// Place is where a file belongs on the map: WGS-84 degrees, metres above the
// ellipsoid.
type Place struct{ Lat, Lon, Alt float64 }

// Meta is what an uploader says of a file. The zero Meta is valid.
type Meta struct {
	UID         string   // of the thing the file is; "" becomes the hash
	Name        string   // as people see it; "" becomes Filename, then the hash
	Filename    string   // "" becomes Name; folders in it are dropped
	MIME        string   // "" becomes application/octet-stream
	Keywords    []string // without order or doubles
	Tool        string   // "" becomes Public
	CreatorUID  string   // of the device
	Groups      []string // nil: all groups that the uploader may write to
	Expires     time.Time
	Place       *Place
	Remarks     string
	Contributor string
}

// File is a stored file with its record.
type File struct {
	ID        int64 // of the record ("PrimaryKey")
	Hash      string
	Size      int64
	Submitter string // user name
	Submitted time.Time
	Meta
}

// Package reports whether f is a mission package.
func (f File) Package() bool {
	for _, k := range f.Keywords {
		if k == KeywordPackage {
			return true
		}
	}
	return false
}

// Query filters files; its zero value finds all. All conditions must hold. Case
// does not count, but for UIDs.
type Query struct {
	Hash, UID      string
	Hashes         []string // one of them; nil: any
	Name, Filename string   // parts of them
	Text           string   // part of the name, the file name, a keyword or the submitter
	MIME           string
	Tool           string
	Submitter      string
	CreatorUID     string
	Keywords       []string // all of them
	Packages       bool     // only mission packages
	From, To       time.Time
	Box            *Box
	Circle         *Circle
	MinAlt, MaxAlt *float64
	Sort           string // "submitted" (also ""), "name", "size" or "submitter"
	Ascending      bool
	Offset, Limit  int // Limit 0 and what is above maxResults become maxResults
}

const maxResults = 10_000

// Box is an area in degrees; where West > East it crosses the 180th meridian.
type Box struct{ West, South, East, North float64 }

// Circle is an area around a point; Radius is in metres.
type Circle struct{ Lat, Lon, Radius float64 }

// The facts published on the bus.
const FactChanged = "file.changed"

// Changed is the data of FactChanged. Change is "created", "changed" or
// "deleted"; What is "file", "profile", "update" or "icons".
type Changed struct {
	What   string `json:"what"`
	Change string `json:"change"`
	ID     int64  `json:"id,omitempty"`
	Hash   string `json:"hash,omitempty"`
	Name   string `json:"name,omitempty"`
	Last   bool   `json:"last,omitempty"` // deleted: no record of the hash is left
}
