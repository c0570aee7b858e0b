package api

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"muster/internal/auth"
	"muster/media"
	"muster/media/record"
	"muster/web/login"
	"muster/web/problem"
)

// Recording is one file of a stream's recording.
type Recording struct {
	ID       string    `json:"id"`
	Stream   string    `json:"stream"`
	Groups   []string  `json:"groups" doc:"Groups the stream belonged to when it was recorded."`
	User     string    `json:"user" doc:"Who published."`
	Start    time.Time `json:"start"`
	Duration float64   `json:"duration" doc:"Seconds."`
	Bytes    int64     `json:"bytes"`
	Open     bool      `json:"open" doc:"Whether it is still being written."`
}

func recordingOf(r record.Recording) Recording {
	return Recording{ID: r.ID, Stream: r.Stream, Groups: append([]string{}, r.Groups...), User: r.User, Start: r.Start,
		Duration: r.Duration.Seconds(), Bytes: r.Bytes, Open: r.Open}
}

type recordingsIn struct {
	Stream string    `query:"stream" maxLength:"160" doc:"Only recordings of this stream."`
	From   time.Time `query:"from" doc:"Only recordings that end after this time."`
	To     time.Time `query:"to" doc:"Only recordings that begin before this time."`
	After  string    `query:"after" maxLength:"80" doc:"The field next of the page before."`
	Limit  int       `query:"limit" minimum:"0" maximum:"200" doc:"Most recordings in the answer; 0 and nothing mean 200."`
}

type recordingsOut struct {
	Body struct {
		Recordings []Recording `json:"recordings"`
		Next       string      `json:"next" doc:"Where the next page begins; empty when there is none."`
	}
}

// RecordingParam is the parameter of operations on one recording.
type RecordingParam struct {
	ID string `path:"id" maxLength:"60"`
}

type recordingContentIn struct {
	RecordingParam
	Download bool `query:"download" doc:"Offer the file for saving instead of showing it."`
}

// recorded reports whether s is being recorded.
func (a *API) recorded(s *media.Stream) bool { return a.Recorder != nil && a.Recorder.Recorded(s) }

func (a *API) recordings() {
	list := op("listRecordings", http.MethodGet, "/recordings", "Recordings that you may watch, the newest first")
	list.Description = "A recording may be watched by whoever reads one of the groups that the stream belonged to."
	register(a, user, list, a.listRecordings)
	content := binary(op("getRecordingContent", http.MethodGet, "/recordings/{id}/content", "A recording, as MP4"), "video/mp4")
	content.Description = "Parts of it can be asked for with the header Range (RFC 9110)."
	register(a, user, content, a.recordingContent)
	register(a, operate, op("removeRecording", http.MethodDelete, "/recordings/{id}", "Delete a recording"),
		func(ctx context.Context, id auth.Identity, in *RecordingParam) (*none, error) {
			if a.Recorder == nil {
				return nil, errStopped
			}
			return nil, recording(a.Recorder.Delete(ctx, id, in.ID))
		})
	start := withSlashes(op("startRecording", http.MethodPut, "/recorders/{name}", "Record a live stream until it ends"))
	stop := withSlashes(op("stopRecording", http.MethodDelete, "/recorders/{name}", "Stop recording a live stream"))
	stop.Description += " When the stream begins anew, the configuration decides again."
	register(a, operate, start, a.switchRecording(true))
	register(a, operate, stop, a.switchRecording(false))
}

// recording makes sentences of the refusals of the recorder.
func recording(err error) error {
	switch {
	case errors.Is(err, record.ErrNotFound):
		return refuse(http.StatusNotFound, "There is no such recording that you may see.")
	case errors.Is(err, record.ErrOpen):
		return refuse(http.StatusConflict, "The recording is still being written. Stop it first.")
	case errors.Is(err, record.ErrUnfit):
		return refuse(http.StatusUnprocessableEntity, "The stream cannot be recorded: it has none of H264, H265, AV1, VP9, AAC, Opus, MP3 and AC-3.")
	}
	return err
}

func (a *API) listRecordings(ctx context.Context, id auth.Identity, in *recordingsIn) (*recordingsOut, error) {
	if a.Recorder == nil {
		return nil, errStopped
	}
	page, err := a.Recorder.List(ctx, id, record.Query{Stream: in.Stream, From: in.From, To: in.To, After: in.After, Limit: in.Limit})
	if err != nil {
		return nil, recording(err)
	}
	out := &recordingsOut{}
	out.Body.Next, out.Body.Recordings = page.Next, []Recording{}
	for _, r := range page.Recordings {
		out.Body.Recordings = append(out.Body.Recordings, recordingOf(r))
	}
	return out, nil
}

func (a *API) switchRecording(on bool) func(context.Context, auth.Identity, *StreamParam) (*none, error) {
	return func(_ context.Context, id auth.Identity, in *StreamParam) (*none, error) {
		if a.Recorder == nil {
			return nil, errStopped
		}
		s, err := a.find(id, in.Name)
		if err != nil {
			return nil, err
		}
		return nil, recording(a.Recorder.Switch(s, on, id.User))
	}
}

func (a *API) recordingContent(ctx context.Context, id auth.Identity, in *recordingContentIn) (*rawOut, error) {
	if a.Recorder == nil {
		return nil, errStopped
	}
	r, f, err := a.Recorder.Open(ctx, id, in.ID)
	if err != nil {
		return nil, recording(err)
	}
	return &rawOut{func(hc huma.Context) {
		defer f.Close()
		req, w := humago.Unwrap(hc)
		a.sendRecording(w, req, id, r, f, in.Download)
	}}, nil
}

// guard registers the reading of an answer, which is cut short when the caller's
// login is over or access to r taken away. It reports false, and has answered, if
// that is so already; done is called when the answer is written.
func (a *API) guard(w http.ResponseWriter, req *http.Request, id auth.Identity, r auth.Resource) (done func(), ok bool) {
	cut := func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)) } // unsupported only by test recorders
	if who, _ := login.From(req.Context()); who.Over != nil {
		stop := context.AfterFunc(who.Over, cut)
		return func() { stop() }, true
	}
	if a.Sessions == nil {
		return func() {}, true
	}
	agent := req.UserAgent()
	info := auth.SessionInfo{Protocol: "web", Remote: login.PeerFrom(req.Context()).Addr, Agent: agent[:min(len(agent), 200)]}
	session, err := a.Sessions.Open(id, auth.Read, r, info, func(error) { cut() })
	if err != nil { // access was taken away since it was found
		problem.Write(w, http.StatusForbidden, "You may not have this any more.")
		return nil, false
	}
	return session.Close, true
}

// sendRecording serves the file.
func (a *API) sendRecording(w http.ResponseWriter, req *http.Request, id auth.Identity, r record.Recording, f *os.File, download bool) {
	done, ok := a.guard(w, req, id, auth.Stream(r.Stream, r.Groups))
	if !ok {
		return
	}
	defer done()
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cache-Control", "private, no-cache")
	if download {
		name := strings.ReplaceAll(r.Stream, "/", "-") + "-" + r.Start.UTC().Format("20060102T150405Z") + ".mp4"
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	}
	http.ServeContent(w, req, "", r.End(), f)
}
