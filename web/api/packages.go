package api

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"muster/cot"
	"muster/cot/files"
	"muster/cot/wire"
	"muster/internal/auth"
	"muster/web/problem"
	"muster/web/situation"
)

// Package is a stored file, most often a data package.
type Package struct {
	Hash       string     `json:"hash" doc:"SHA-256 of the content."`
	Name       string     `json:"name"`
	Filename   string     `json:"filename"`
	Size       int64      `json:"size"`
	MIME       string     `json:"mime"`
	Submitter  string     `json:"submitter"`
	CreatorUID string     `json:"creatorUid"`
	Created    time.Time  `json:"created"`
	Keywords   []string   `json:"keywords"`
	Groups     []string   `json:"groups"`
	Tool       string     `json:"tool" doc:"public: offered to everybody who may see it; private: sent to somebody."`
	Expires    *time.Time `json:"expires,omitempty"`
	Mine       bool       `json:"mine" doc:"Whether you may change and delete it."`
}

func packageOf(f files.File, id auth.Identity) Package {
	return Package{
		Hash: f.Hash, Name: f.Name, Filename: f.Filename, Size: f.Size, MIME: f.MIME, Submitter: f.Submitter, CreatorUID: f.CreatorUID,
		Created: f.Submitted, Keywords: append([]string{}, f.Keywords...), Groups: append([]string{}, f.Groups...), Tool: f.Tool,
		Expires: timeOf(f.Expires), Mine: f.Submitter == id.User || id.IsAdmin(),
	}
}

type packagesIn struct {
	Q string `query:"q" maxLength:"200" doc:"Part of the name, a keyword or who submitted it."`
}

type packagesOut struct {
	Body struct {
		Packages []Package `json:"packages"`
	}
}

type packageOut struct{ Body Package }

// HashParam is the parameter of operations on one file.
type HashParam struct {
	Hash string `path:"hash" pattern:"^[0-9a-f]{64}$"`
}

type changePackageIn struct {
	HashParam
	Body struct {
		Name     *string   `json:"name,omitempty" minLength:"1" maxLength:"200"`
		Groups   *[]string `json:"groups,omitempty" maxItems:"100"`
		Tool     *string   `json:"tool,omitempty" enum:"public,private"`
		Days     *int      `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"Until it expires; 0 is never."`
		Keywords *[]string `json:"keywords,omitempty" maxItems:"50"`
	}
}

type sendIn struct {
	HashParam
	Body struct {
		UIDs []string `json:"uids" minItems:"1" maxItems:"200"`
	}
}

type sendOut struct {
	Body struct {
		Sent []string `json:"sent" doc:"The uids that were reached."`
	}
}

type rawOut struct {
	Body func(ctx huma.Context)
}

func (a *API) dataPackages() {
	register(a, user, op("listPackages", http.MethodGet, "/packages", "Files and data packages that you may see, the newest first"),
		func(ctx context.Context, id auth.Identity, in *packagesIn) (*packagesOut, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			list, _, err := t.Files.Search(ctx, id, files.Query{Text: in.Q})
			if err != nil {
				return nil, filing(err)
			}
			out := &packagesOut{}
			out.Body.Packages = []Package{}
			for _, f := range list {
				out.Body.Packages = append(out.Body.Packages, packageOf(f, id))
			}
			return out, nil
		})
	a.upload()
	register(a, user, op("changePackage", http.MethodPatch, "/packages/{hash}", "Change a file of yours"), a.changePackage)
	register(a, user, op("removePackage", http.MethodDelete, "/packages/{hash}", "Delete a file of yours"),
		func(ctx context.Context, id auth.Identity, in *HashParam) (*none, error) {
			t, err := a.whole()
			if err != nil {
				return nil, err
			}
			return nil, filing(t.Files.Delete(ctx, id, in.Hash))
		})
	register(a, user, binary(op("getPackageContent", http.MethodGet, "/packages/{hash}/content", "The content of a file"), "application/octet-stream"), a.packageContent)
	register(a, user, op("sendPackage", http.MethodPost, "/packages/{hash}/send", "Send a file to devices, which ask their user whether to take it"), a.sendPackage)
}

// filing makes sentences of the refusals of the file store.
func filing(err error) error {
	switch {
	case errors.Is(err, files.ErrNotFound):
		return refuse(http.StatusNotFound, "There is no such file that you may see.")
	case errors.Is(err, files.ErrTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "The file is larger than this server takes.")
	case errors.Is(err, files.ErrFull):
		return refuse(http.StatusInsufficientStorage, "There is no room for the file. Delete what is not needed any more.")
	case errors.Is(err, files.ErrInvalid):
		return refuse(http.StatusUnprocessableEntity, "The request is not right: "+strings.TrimPrefix(err.Error(), "files: "))
	}
	return err
}

// upload adds the one operation that reads a large body as it comes.
func (a *API) upload() {
	o := binary(op("addPackage", http.MethodPost, "/packages", "Store a file; the body is its content"), "application/json")
	o.DefaultStatus = http.StatusCreated
	o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}
	for _, name := range []string{"name", "group", "tool", "days", "mime", "keyword"} {
		o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "query", Schema: &huma.Schema{Type: huma.TypeString}})
	}
	register(a, user, o, func(_ context.Context, id auth.Identity, _ *none) (*rawOut, error) {
		t, err := a.whole()
		if err != nil {
			return nil, err
		}
		return &rawOut{func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			a.store(w, r, t, id)
		}}, nil
	})
}

// stalled is how long an upload in which nothing arrives goes on.
const stalled = 30 * time.Second

// arriving moves the deadline ahead with each read.
type arriving struct {
	io.Reader
	c *http.ResponseController
}

func (b arriving) Read(p []byte) (int, error) {
	_ = b.c.SetReadDeadline(time.Now().Add(stalled)) // unsupported only by test recorders
	return b.Reader.Read(p)
}

func (a *API) store(w http.ResponseWriter, r *http.Request, t *TAK, id auth.Identity) {
	q := r.URL.Query()
	m := files.Meta{Name: q.Get("name"), Filename: q.Get("name"), Tool: q.Get("tool"), Groups: q["group"], Keywords: q["keyword"], MIME: q.Get("mime"), CreatorUID: situation.UID(id.User)}
	if m.MIME == "" {
		m.MIME = mimeOf(m.Name)
	}
	if strings.HasSuffix(strings.ToLower(m.Name), ".zip") && !slices.Contains(m.Keywords, files.KeywordPackage) {
		m.Keywords = append(m.Keywords, files.KeywordPackage)
	}
	if days, err := strconv.Atoi(q.Get("days")); err == nil && days > 0 {
		m.Expires = after(min(days, 3650))
	}
	body := arriving{http.MaxBytesReader(w, r.Body, t.Files.MaxSize()+1), http.NewResponseController(w)}
	f, err := t.Files.Put(r.Context(), id, m, body)
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		err = files.ErrTooLarge
	}
	if err != nil {
		var s huma.StatusError
		if errors.As(a.problem(filing(err)), &s) {
			problem.Write(w, s.GetStatus(), s.Error())
			return
		}
		problem.Write(w, http.StatusInternalServerError, "The file could not be stored.")
		return
	}
	writeJSON(w, http.StatusCreated, packageOf(f, id))
}

// mimeOf guesses by the name.
func mimeOf(name string) string {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return ""
	}
	t, _, _ := strings.Cut(mime.TypeByExtension(strings.ToLower(name[i:])), ";")
	return t
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = jsonFormat.Marshal(w, v) // an error means that the client has gone
}

func (a *API) changePackage(ctx context.Context, id auth.Identity, in *changePackageIn) (*packageOut, error) {
	t, err := a.whole()
	if err != nil {
		return nil, err
	}
	b := in.Body
	if b.Name != nil {
		err = t.Files.SetName(ctx, id, in.Hash, *b.Name)
	}
	if err == nil && b.Groups != nil {
		err = t.Files.SetGroups(ctx, id, in.Hash, *b.Groups)
	}
	if err == nil && b.Tool != nil {
		err = t.Files.SetTool(ctx, id, in.Hash, *b.Tool)
	}
	if err == nil && b.Keywords != nil {
		err = t.Files.SetKeywords(ctx, id, in.Hash, *b.Keywords)
	}
	if err == nil && b.Days != nil {
		var until time.Time
		if *b.Days > 0 {
			until = after(*b.Days)
		}
		err = t.Files.SetExpiration(ctx, id, in.Hash, until)
	}
	if err != nil {
		return nil, filing(err)
	}
	f, err := t.Files.Lookup(ctx, id, in.Hash)
	if err != nil {
		return nil, filing(err)
	}
	return &packageOut{packageOf(f, id)}, nil
}

func (a *API) packageContent(ctx context.Context, id auth.Identity, in *HashParam) (*rawOut, error) {
	t, err := a.whole()
	if err != nil {
		return nil, err
	}
	f, err := t.Files.Lookup(ctx, id, in.Hash)
	if err != nil {
		return nil, filing(err)
	}
	content, _, err := t.Files.Open(f.Hash)
	if err != nil {
		return nil, filing(err)
	}
	return &rawOut{func(hc huma.Context) {
		defer content.Close()
		r, w := humago.Unwrap(hc)
		h := w.Header()
		// Whatever it is, it is not shown as a page of this server.
		h.Set("Content-Type", "application/octet-stream")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Filename}))
		http.ServeContent(w, r, "", f.Submitted, content)
	}}, nil
}

// sendPackage sends b-f-t-r, which makes TAK clients fetch the file.
func (a *API) sendPackage(ctx context.Context, id auth.Identity, in *sendIn) (*sendOut, error) {
	t, err := a.whole()
	if err != nil {
		return nil, err
	}
	f, err := t.Files.Lookup(ctx, id, in.Hash)
	if err != nil {
		return nil, filing(err)
	}
	seen := t.Router.Contacts(id)
	out := &sendOut{}
	out.Body.Sent = []string{}
	for _, uid := range in.Body.UIDs {
		if slices.ContainsFunc(seen, func(c cot.Contact) bool { return c.UID == uid }) {
			out.Body.Sent = append(out.Body.Sent, uid)
		}
	}
	if len(out.Body.Sent) == 0 {
		return nil, refuse(http.StatusNotFound, "None of these devices is connected.")
	}
	dests := make([]wire.Dest, len(out.Body.Sent))
	for i, uid := range out.Body.Sent {
		dests[i].UID = uid
	}
	now := time.Now()
	ev := wire.New("MUSTER-"+strings.ToLower(rand.Text()[:20]), "b-f-t-r", "h-e", now, 10*time.Second)
	sign, p := a.callsign(ctx, id), a.places(ctx)
	ev.AddDetail(wire.AppendElement(nil, "fileshare", nil,
		wire.Attr{Name: "filename", Value: f.Filename}, wire.Attr{Name: "name", Value: f.Name},
		wire.Attr{Name: "senderUrl", Value: p.url("marti", "https", "", "", "/Marti/sync/content", "hash="+f.Hash)},
		wire.Attr{Name: "sizeInBytes", Value: strconv.FormatInt(f.Size, 10)}, wire.Attr{Name: "sha256", Value: f.Hash},
		wire.Attr{Name: "senderUid", Value: situation.UID(id.User)}, wire.Attr{Name: "senderCallsign", Value: sign}))
	ev.AddDetail(wire.AppendElement(nil, "ackrequest", nil, wire.Attr{Name: "uid", Value: strings.ToLower(rand.Text())},
		wire.Attr{Name: "ackrequested", Value: "true"}, wire.Attr{Name: "tag", Value: f.Name}))
	ev.AddDetail(wire.MartiElement(dests))
	if _, err := t.Hub.Say(ctx, id, sign, ev); err != nil {
		return nil, sending(err)
	}
	return out, nil
}
