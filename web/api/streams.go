package api

import (
	"context"
	"fmt"
	"net/http"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
)

// Stream is what is said of a live stream.
type Stream struct {
	media.Info
	Bitrate int64 `json:"bitrate" doc:"Bits per second coming in."`
	Viewers int   `json:"viewers" doc:"Clients that receive it, by whatever protocol."`

	Recording bool `json:"recording" doc:"Whether it is being recorded."`
}

// StreamParam is the parameter of operations on one stream.
type StreamParam struct {
	Name string `path:"name" maxLength:"160" doc:"Name of the stream."`
}

type streamsOut struct {
	Body struct {
		Streams []Stream `json:"streams"`
	}
}

type streamOut struct{ Body Stream }

type none struct{}

func (a *API) stream(s *media.Stream) Stream {
	out := Stream{Info: s.Info(), Bitrate: a.meter.rate(s.Name.String()), Recording: a.recorded(s)}
	complete(&out.Info)
	for _, n := range out.Readers {
		out.Viewers += n
	}
	return out
}

// complete replaces nil lists, which JSON would write as null.
func complete(in *media.Info) {
	if in.Groups == nil {
		in.Groups = []string{}
	}
	if in.Tracks == nil {
		in.Tracks = []media.TrackInfo{}
	}
}

func (a *API) list(id auth.Identity) []Stream {
	out := []Stream{}
	if a.Streams == nil {
		return out
	}
	for _, s := range a.Streams.List(id) {
		out = append(out, a.stream(s))
	}
	return out
}

func (a *API) find(id auth.Identity, name string) (*media.Stream, error) {
	if a.Streams == nil {
		return nil, errStopped
	}
	n, err := safename.Parse(name)
	if err != nil {
		return nil, media.ErrNotFound
	}
	return a.Streams.Find(id, n)
}

func (a *API) streams() {
	register(a, user, op("listStreams", http.MethodGet, "/streams", "Live streams that you may watch"),
		func(_ context.Context, id auth.Identity, _ *none) (*streamsOut, error) {
			if a.Streams == nil {
				return nil, errStopped
			}
			out := &streamsOut{}
			out.Body.Streams = a.list(id)
			return out, nil
		})
	register(a, user, withSlashes(op("getStream", http.MethodGet, "/streams/{name}", "One live stream")),
		func(_ context.Context, id auth.Identity, in *StreamParam) (*streamOut, error) {
			s, err := a.find(id, in.Name)
			if err != nil {
				return nil, err
			}
			return &streamOut{a.stream(s)}, nil
		})
	register(a, operate, withSlashes(op("endStream", http.MethodDelete, "/streams/{name}", "End a stream by ending its publisher's connection")),
		func(_ context.Context, id auth.Identity, in *StreamParam) (*none, error) {
			s, err := a.find(id, in.Name)
			if err != nil {
				return nil, err
			}
			return nil, a.endStream(s.Name.String(), id)
		})
	still := withSlashes(op("getStill", http.MethodGet, "/stills/{name}", "The newest key frame of a stream, as an MP4 of one picture"))
	still.Errors = []int{http.StatusNotFound}
	register(a, user, still, a.still)
}

// endStream kicks whoever publishes name.
func (a *API) endStream(name string, by auth.Identity) error {
	for _, s := range a.Sessions.List() {
		if s.Action == auth.Publish && s.Resource == name {
			a.Log.Info("stream ended by hand", "stream", name, "user", by.User)
			a.Sessions.Kick(s.ID)
			return nil
		}
	}
	return media.ErrNotFound
}

type stillIn struct {
	StreamParam
	Have string `header:"If-None-Match" doc:"ETag of the picture that the client has."`
}

type stillOut struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte `contentType:"video/mp4"`
}

func (a *API) still(_ context.Context, id auth.Identity, in *stillIn) (*stillOut, error) {
	s, err := a.find(id, in.Name)
	if err != nil {
		return nil, err
	}
	u := s.LastKeyFrame()
	if u == nil || a.Still == nil {
		return nil, refuse(http.StatusNotFound, "There is no key frame of this stream yet.")
	}
	out := &stillOut{Status: http.StatusOK, CacheControl: "private, no-cache"}
	out.ETag = fmt.Sprintf(`"%x-%x-%x"`, s.Since.UnixNano(), u.PTS, u.Size())
	if in.Have == out.ETag {
		out.Status = http.StatusNotModified
		return out, nil
	}
	if out.Body, err = a.Still(u); err != nil {
		a.Log.Debug("still picture", "stream", s.Name.String(), "error", err)
		return nil, refuse(http.StatusNotFound, "No still picture can be made of this stream's codec.")
	}
	out.ContentType = "video/mp4"
	return out, nil
}
