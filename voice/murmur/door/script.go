package door

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster/voice/ice"
	"muster/voice/murmur"
)

// Script is the authenticator that a script has set. Its methods fail when it
// answers with an error, too late or not at all; it is dropped then.
type Script struct {
	d      *Door
	id     ice.Proxy
	client *ice.Client
	end    func()
}

// scriptAnswers is how long a script may take for one question. Logins wait.
const scriptAnswers = 5 * time.Second

// Script returns the authenticator that was set, or nil.
func (d *Door) Script() *Script { return d.script.Load() }

func (d *Door) setScript(s *Script) {
	if old := d.script.Swap(s); old != nil && old != s {
		old.end()
	}
}

// setAuthenticator makes p the authenticator; a null proxy takes it away. It must
// serve already: it is asked for its type.
func (d *Door) setAuthenticator(ctx context.Context, p ice.Proxy) error {
	if p.ID.IsZero() {
		d.setScript(nil)
		return nil
	}
	// The connection outlives the call; watch ends it.
	client, end, err := reach(context.WithoutCancel(ctx), d.log, p)
	if err != nil {
		return murmur.InvalidCallback
	}
	s := &Script{d: d, id: p, client: client, end: end}
	for _, module := range []murmur.Dialect{murmur.Murmur, murmur.MumbleServer} {
		var e ice.Encoder
		e.String(module.Type("ServerAuthenticator"))
		if r, err := s.ask(ctx, "ice_isA", &e); err == nil && r.Bool() {
			started := d.callbacks.start(s.watch)
			if !started {
				break
			}
			d.setScript(s)
			return nil
		}
	}
	end()
	return murmur.InvalidCallback
}

// watch keeps the connection in use and notices its end.
func (s *Script) watch(ctx context.Context) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			s.end()
			return
		case <-s.client.Done():
			s.drop(errors.New("its connection has ended"))
			return
		case <-beat.C:
			if err := s.client.Heartbeat(ctx); err != nil {
				s.drop(err)
			}
		}
	}
}

// drop ends the authenticator unless another one is there.
func (s *Script) drop(err error) {
	if s.d.script.CompareAndSwap(s, nil) {
		s.d.n.dropped.Add(1)
		s.d.log.Warn("the script that is asked about logins fails and is asked no more", "error", err)
	}
	s.end()
}

func (s *Script) ask(ctx context.Context, op string, e *ice.Encoder) (*ice.Decoder, error) {
	ctx, cancel := context.WithTimeout(ctx, scriptAnswers)
	defer cancel()
	r := ice.Request{Object: s.id.ID, Facet: s.id.Facet, Op: op, Mode: ice.Idempotent, Context: map[string]string{"secret": s.d.cfg.WriteSecret}}
	return s.client.Call(ctx, r, e.Bytes())
}

// question asks, and drops a script that cannot answer.
func (s *Script) question(ctx context.Context, op string, e *ice.Encoder, answer func(*ice.Decoder)) error {
	r, err := s.ask(ctx, op, e)
	if err == nil {
		answer(r)
		err = r.End()
	}
	if err != nil {
		if ctx.Err() == nil {
			s.drop(err)
		}
		return fmt.Errorf("door: ask the script: %w", err)
	}
	return nil
}

// LoginProof is what somebody shows who wants to log in.
type LoginProof struct {
	Name, Password string
	Certificates   [][]byte // DER, the leaf first
	Hash           string   // SHA-1 of the leaf, lower-case hex
	Strong         bool     // it comes from an authority we trust
}

// Verdict is what a script says about a login.
type Verdict struct {
	ID     int32  // the user's number; -1: refused, -2: not known, -3: it cannot say
	Name   string // to be shown; empty: as it was given
	Groups []string
}

// Authenticate asks about a login.
func (s *Script) Authenticate(ctx context.Context, l LoginProof) (v Verdict, err error) {
	var e ice.Encoder
	e.String(l.Name)
	e.String(l.Password)
	e.Size(len(l.Certificates))
	for _, der := range l.Certificates {
		e.Blob(der)
	}
	e.String(l.Hash)
	e.Bool(l.Strong)
	err = s.question(ctx, "authenticate", &e, func(r *ice.Decoder) { v = Verdict{Name: r.String(), Groups: r.Strings(), ID: r.Int()} })
	return v, err
}

// Info asks what is known of a user; ok: anything.
func (s *Script) Info(ctx context.Context, id int32) (info murmur.UserInfo, ok bool, err error) {
	var e ice.Encoder
	e.Int(id)
	err = s.question(ctx, "getInfo", &e, func(r *ice.Decoder) { info, ok = murmur.ReadUserInfo(r), r.Bool() })
	return info, ok, err
}

// NameToID asks for the number of a name; -2: unknown.
func (s *Script) NameToID(ctx context.Context, name string) (id int32, err error) {
	var e ice.Encoder
	e.String(name)
	err = s.question(ctx, "nameToId", &e, func(r *ice.Decoder) { id = r.Int() })
	return id, err
}

// IDToName asks for the name of a number; empty: unknown.
func (s *Script) IDToName(ctx context.Context, id int32) (name string, err error) {
	var e ice.Encoder
	e.Int(id)
	err = s.question(ctx, "idToName", &e, func(r *ice.Decoder) { name = r.String() })
	return name, err
}

// Texture asks for a user's picture; empty: none.
func (s *Script) Texture(ctx context.Context, id int32) (b []byte, err error) {
	var e ice.Encoder
	e.Int(id)
	err = s.question(ctx, "idToTexture", &e, func(r *ice.Decoder) { b = r.Blob() })
	return b, err
}
