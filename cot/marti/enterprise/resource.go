package enterprise

import (
	"strconv"
	"time"

	"muster/cot/files"
	"muster/cot/wire"
)

// metadata is a file as /Marti/sync shows it: numbers are strings.
type metadata struct {
	UID                string
	Name               string
	Hash               string
	PrimaryKey         string
	SubmissionDateTime string
	SubmissionUser     string
	CreatorUid         string //nolint:revive // a name of the protocol
	Keywords           []string
	MIMEType           string
	Size               string
	EXPIRATION         string
	Tool               string
	DownloadPath       string
	Latitude           string `json:",omitempty"`
	Longitude          string `json:",omitempty"`
	Altitude           string `json:",omitempty"`
	Remarks            string `json:",omitempty"`
	Contributor        string `json:",omitempty"`
}

func newMetadata(f files.File) metadata {
	m := metadata{
		UID: f.UID, Name: f.Name, Hash: f.Hash, PrimaryKey: strconv.FormatInt(f.ID, 10), SubmissionDateTime: wire.FormatTime(f.Submitted.UnixMilli()),
		SubmissionUser: f.Submitter, CreatorUid: f.CreatorUID, Keywords: list(f.Keywords), MIMEType: f.MIME, Size: strconv.FormatInt(f.Size, 10),
		EXPIRATION: strconv.FormatInt(seconds(f.Expires), 10), Tool: f.Tool, DownloadPath: f.Filename, Remarks: f.Remarks, Contributor: f.Contributor,
	}
	if p := f.Place; p != nil {
		m.Latitude, m.Longitude, m.Altitude = decimal(p.Lat), decimal(p.Lon), decimal(p.Alt)
	}
	return m
}

// resource is a file as /Marti/api shows it.
type resource struct {
	Filename       string   `json:"filename"`
	Keywords       []string `json:"keywords"`
	MIMEType       string   `json:"mimeType"`
	Name           string   `json:"name"`
	SubmissionTime string   `json:"submissionTime"`
	Submitter      string   `json:"submitter"`
	CreatorUID     string   `json:"creatorUid"`
	UID            string   `json:"uid"`
	Hash           string   `json:"hash"`
	Size           int64    `json:"size"`
	Expiration     int64    `json:"expiration"`
	Tool           string   `json:"tool"`
	Latitude       float64  `json:"latitude"`
	Longitude      float64  `json:"longitude"`
	Altitude       float64  `json:"altitude"`
}

func newResource(f files.File) resource {
	r := resource{
		Filename: f.Filename, Keywords: list(f.Keywords), MIMEType: f.MIME, Name: f.Name, SubmissionTime: wire.FormatTime(f.Submitted.UnixMilli()),
		Submitter: f.Submitter, CreatorUID: f.CreatorUID, UID: f.UID, Hash: f.Hash, Size: f.Size, Expiration: seconds(f.Expires), Tool: f.Tool,
	}
	if p := f.Place; p != nil {
		r.Latitude, r.Longitude, r.Altitude = p.Lat, p.Lon, p.Alt
	}
	return r
}

func convert[T any](all []files.File, f func(files.File) T) []T {
	out := make([]T, len(all))
	for i := range all {
		out[i] = f(all[i])
	}
	return out
}

func list(s []string) []string { return append([]string{}, s...) }

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// seconds writes an expiration: seconds since 1970, -1 for never.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.Unix()
}

// expiry reads what seconds writes; clients also say 0 or less for never.
func expiry(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > 253402300799 { // the year 9999
		return time.Time{}, false
	}
	if n <= 0 {
		return time.Time{}, true
	}
	return time.Unix(n, 0), true
}
