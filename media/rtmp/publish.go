package rtmp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster/internal/auth"
	"muster/media"
	"muster/media/codec"
)

// The codes of refusals to publish. Encoders show the text beside them.
const (
	codeBadName    = "NetStream.Publish.BadName"
	codePubDenied  = "NetStream.Publish.Denied"
	codePubStarted = "NetStream.Publish.Start"
)

// publish takes a stream from the client until either ends it.
func (c *conn) publish(login context.Context, cmd command) error {
	t, id, err := c.authenticate(login, cmd, codePubDenied, codeBadName)
	if err != nil {
		return err
	}
	if err := c.s.deps.Router.MayBegin(id, t.name); err != nil {
		return refusePublish(err)
	}
	if err := c.status("status", codePubStarted, "publishing "+t.name.String()); err != nil {
		return err
	}
	c.in.limit = maxMessageAfter
	start := time.Now()
	src := &source{log: c.log, tracks: make(map[trackID]*inTrack)}
	src.publish = func(formats []*codec.Format) (*media.Publisher, error) {
		p, err := c.s.deps.Router.Publish(media.PublishRequest{
			Identity: id,
			Client:   media.Client{Protocol: c.proto, Remote: c.remote, Agent: c.agent},
			Name:     t.name, Formats: formats, Kick: c.kick,
		})
		if err != nil {
			return nil, refusePublish(err)
		}
		c.s.n.publishes.Add(1)
		c.log.Debug("publisher ready", "after", time.Since(start).Round(time.Millisecond), "tracks", len(formats))
		return p, nil
	}
	defer func() { // deferred: what came may be what makes us panic
		if src.out != nil {
			src.out.Close(err)
		}
	}()
	err = c.receive(src, func(cmd command) error {
		if endsStream(cmd.name) {
			return errDone
		}
		return nil
	})
	return err
}

func refusePublish(err error) error {
	switch {
	case errors.Is(err, media.ErrBusy):
		return &refusal{codeBadName, media.ErrBusy.Error(), nil}
	case errors.Is(err, auth.ErrDenied):
		return &refusal{codePubDenied, "you may not publish under this name", err}
	case errors.Is(err, media.ErrUnsupported):
		return &refusal{codeBadName, err.Error(), nil}
	}
	return fmt.Errorf("rtmp: publish: %w", err)
}

// receive reads messages until the sender stops, or told, which gets the commands
// among them, ends it.
func (c *conn) receive(src *source, told func(command) error) error {
	for {
		now := time.Now()
		if err := c.nc.SetReadDeadline(now.Add(c.s.cfg.ReadTimeout)); err != nil {
			return err
		}
		m, err := c.next()
		if err != nil {
			return err
		}
		switch m.typ {
		case typeAudio, typeVideo:
			if err := src.message(m, now); err != nil {
				return err
			}
		case typeDataAMF0:
			src.meta(decodeAMF(m.body))
		case typeDataAMF3:
			if len(m.body) > 0 {
				src.meta(decodeAMF(m.body[1:]))
			}
		default:
			if cmd, ok := commandOf(m); ok {
				if err := told(cmd); err != nil {
					return err
				}
			}
		}
	}
}

// errDone ends a session whose client said that it is done.
var errDone = errors.New("the client is done")

// endsStream reports whether a command says that the client is done.
func endsStream(name string) bool {
	return name == "deleteStream" || name == "closeStream" || name == "FCUnpublish"
}
