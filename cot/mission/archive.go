package mission

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"muster/cot/files"
	"muster/cot/pack"
	"muster/cot/wire"
	"muster/internal/auth"
)

// keywordArchive marks the packages of deleted missions.
const keywordArchive = "missionarchive"

// Archive writes a package of everything in a mission: its events, its files and
// an entry that describes it. open is called once, before the first byte, when
// it is certain that c may have it.
func (s *Service) Archive(ctx context.Context, c Caller, ref Ref, open func(name string) io.Writer) error {
	row, r, err := s.may(ctx, s.db.Query(), c, ref, Read)
	if err != nil {
		return err
	}
	m, err := whole(ctx, s.db.Query(), row, r)
	if err != nil {
		return err
	}
	events, err := s.cot(ctx, s.db.Query(), c.Identity, row.GUID, "")
	if err != nil {
		return err
	}
	b := s.pack(m, events)
	return b.Write(open(fileName(m) + ".zip"))
}

func fileName(m Mission) string {
	if n := pack.FileName(m.Name); n != "" {
		return n
	}
	return m.GUID
}

// pack lays out the package of a mission. Files that are gone are left out.
func (s *Service) pack(m Mission, events []Event) *pack.Builder {
	b := &pack.Builder{UID: m.GUID, Name: m.Name, Params: []pack.Param{
		{Name: "mission_name", Value: m.Name}, {Name: "mission_guid", Value: m.GUID}, {Name: "mission_tool", Value: m.Tool},
		{Name: "mission_description", Value: m.Description},
	}}
	for i, ev := range events {
		// The uid is the client's: it does not name entries.
		n := strconv.Itoa(i + 1)
		b.Add("cot/"+n+"/"+n+".cot", append([]byte(prolog), ev.XML...), pack.Param{Name: "uid", Value: ev.UID}, pack.Param{Name: "isCoT", Value: "true"})
	}
	for _, c := range m.Contents {
		name := pack.FileName(c.File.Name)
		if name == "" {
			name = "file"
		}
		f, _, err := s.files.Open(c.File.Hash)
		if err != nil {
			s.log.Warn("a file is missing in the package of a mission", "mission", m.GUID, "hash", c.File.Hash, "error", err)
			continue
		}
		f.Close()
		b.AddFile("files/"+c.File.Hash+"/"+name, func() (io.ReadCloser, error) {
			f, _, err := s.files.Open(c.File.Hash)
			return f, err
		}, pack.Param{Name: "uid", Value: c.File.UID}, pack.Param{Name: "name", Value: c.File.Name}, pack.Param{Name: "contentType", Value: c.File.MIME})
	}
	var keywords []byte
	for _, k := range m.Keywords {
		keywords = appendTag(keywords, "keyword", k)
	}
	b.Add("mission.xml", wire.AppendElement([]byte(prolog), "mission", keywords,
		wire.Attr{Name: "name", Value: m.Name}, wire.Attr{Name: "guid", Value: m.GUID}, wire.Attr{Name: "tool", Value: m.Tool},
		wire.Attr{Name: "creatorUid", Value: m.CreatorUID}, wire.Attr{Name: "createTime", Value: m.Created.String()},
		wire.Attr{Name: "description", Value: m.Description}))
	return b
}

const prolog = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"

// keep stores the package of a mission that is to be deleted as a file and
// returns its hash. It is there for the mission's groups, but clients do not list
// it.
func (s *Service) keep(ctx context.Context, m Mission) (string, error) {
	server := auth.System("mission")
	events, err := s.cot(ctx, s.db.Query(), server, m.GUID, "")
	if err != nil {
		return "", err
	}
	return s.store(ctx, server, s.pack(m, events), files.Meta{UID: m.GUID, Name: m.Name + ".zip", Filename: fileName(m) + ".zip",
		MIME: "application/x-zip-compressed", Keywords: []string{keywordArchive}, Tool: files.Private, CreatorUID: m.CreatorUID, Groups: m.Groups})
}

// store streams a package into the files.
func (s *Service) store(ctx context.Context, id auth.Identity, b *pack.Builder, meta files.Meta) (string, error) {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(b.Write(w))
	}()
	f, err := s.files.Put(ctx, id, meta, r)
	r.Close() // lets the writer end when Put gave up early
	<-done
	if err != nil {
		return "", fmt.Errorf("mission: store a package: %w", err)
	}
	return f.Hash, nil
}

// Send stores the package of a mission as a file and tells devices to fetch it
// from the address that address gives for its hash. It returns the uids that were
// reached.
func (s *Service) Send(ctx context.Context, c Caller, ref Ref, uids []string, address func(hash string) string) ([]string, error) {
	if len(uids) == 0 || len(uids) > maxWords {
		return nil, refuse(ErrInvalid, "Name the contacts to send the mission to.")
	}
	row, r, err := s.may(ctx, s.db.Query(), c, ref, Write)
	if err != nil {
		return nil, err
	}
	m, err := whole(ctx, s.db.Query(), row, r)
	if err != nil {
		return nil, err
	}
	events, err := s.cot(ctx, s.db.Query(), c.Identity, row.GUID, "")
	if err != nil {
		return nil, err
	}
	name := fileName(m) + ".zip"
	hash, err := s.store(ctx, c.Identity, s.pack(m, events), files.Meta{UID: m.GUID, Name: name, Filename: name, MIME: "application/x-zip-compressed",
		Keywords: []string{files.KeywordPackage}, Tool: files.Private, CreatorUID: c.UID, Groups: writable(c.Identity, m.Groups)})
	if err != nil {
		return nil, err
	}
	f, err := s.files.Lookup(ctx, c.Identity, hash)
	if err != nil {
		return nil, fmt.Errorf("mission: look up a package: %w", err)
	}
	var to []string
	online := s.online()
	for _, uid := range uids {
		if slices.ContainsFunc(online[uid], func(d client) bool { return d.reads(row) }) {
			to = append(to, uid)
		}
	}
	return s.router.Notify(fileshare(f, c, address(hash)), to...), nil
}

// writable returns those of groups that id may publish to.
func writable(id auth.Identity, groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(g string) bool {
		return auth.Allow(id, auth.Publish, auth.Data("a file", []string{g})) != nil
	})
}

// fileshare makes the event that offers a file to a device.
func fileshare(f files.File, c Caller, address string) *wire.Event {
	ev := wire.New(newID(), "b-f-t-r", "h-e", time.Now(), notifyLife)
	ev.AddDetail(wire.AppendElement(nil, "fileshare", nil,
		wire.Attr{Name: "filename", Value: f.Filename}, wire.Attr{Name: "name", Value: f.Name}, wire.Attr{Name: "senderUrl", Value: address},
		wire.Attr{Name: "sizeInBytes", Value: strconv.FormatInt(f.Size, 10)}, wire.Attr{Name: "sha256", Value: f.Hash},
		wire.Attr{Name: "senderUid", Value: c.UID}, wire.Attr{Name: "senderCallsign", Value: c.Identity.User}))
	return ev
}
